"""Public corpora over the network: resumed where it broke off, every file verified by its SHA-256.

``corpora`` is the table of what can be had, ``listing`` the list of files with their digests, ``connection`` one
request, ``fetch`` one file, ``everything`` all of them.
"""
