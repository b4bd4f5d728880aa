"""Teaching the studio a style: a network of one style, or scales and shifts, from paintings."""
