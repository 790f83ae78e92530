"""HTML pages of tables; what moves in them is drawn by the islands in `config/static/runsheet`."""
