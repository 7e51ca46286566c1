"""The sections of a report, one file each: what was found, as figures and tables."""
