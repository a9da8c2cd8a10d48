"""Forms: how people write things down, read in one way for modules and services alike. It knows nothing of either.

fields.py       a table that somebody wrote, with all that is wrong with it said at once
scalars.py      durations and sizes
guest_paths.py  paths as a guest sees them
plain_file.py   files that somebody named
toml_text.py    TOML as people write it; toml_places.py: on which line a key stands
workload.py     what a module and a service both say of how it is run; workload_reading.py makes it from a table
"""
