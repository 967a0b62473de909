"""The look of every page: tokens and style sheets, the skeleton of a page, the logo and its icons, one script.

The pages of the service, the issuer, the sample app and the sandbox are made with it. Data and functions without I/O.
"""
