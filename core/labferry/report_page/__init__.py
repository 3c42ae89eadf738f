"""The page of `labferry report`: one HTML file, rendered by Jinja2 from the report's figures.

`page` renders, `sections` says what is drawn and counted, `charts` where each mark goes; what the
page looks like is in `page.html`, `macros.html` and `style.css`.
"""
