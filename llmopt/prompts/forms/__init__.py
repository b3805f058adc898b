"""Other spellings of JSON values: minified, TOON, CSV. Each is decoded again and compared before anybody sees it."""
