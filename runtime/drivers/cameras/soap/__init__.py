"""SOAP 1.2 as ONVIF devices speak it: a request, its UsernameToken, and what came back. Pure; nothing is sent here."""
