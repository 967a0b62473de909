"""The issuer: the tokens that we give to the apps that call us. No HTTP and no dialect in here."""
