"""An HTTP/1.1 client for calls that are made once: pooled connections, no redirects, no cookies, no proxies."""
