"""Block types: what a workflow can do. ``base`` says what a type is, ``registry`` knows them all."""
