"""Films as jobs: painted part by part, so that a killed worker costs one part."""
