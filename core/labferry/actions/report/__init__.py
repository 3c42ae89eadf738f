"""`labferry report`: figures from the ledger, and the file of the page that is made of them."""
