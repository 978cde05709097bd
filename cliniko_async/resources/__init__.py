"""The API's resources, one module each: model, writable fields, filters and verbs."""
