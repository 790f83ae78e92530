"""PostgreSQL and Valkey from their wheels, run as our own children when no URL is set.

Guarantees, each tested in `tests/integration/config/`:
- one start makes both answer, as root or not, wherever the checkout lies;
- data is kept under `var/` and survives a stop, and kill -9 of either server or of the process that started them;
- no server outlives its starter: the kernel signals it when the starter dies, and the next start clears what may
  still be shutting down before it touches the data;
- PostgreSQL answers on a Unix socket in a folder only its user can enter, Valkey on loopback with a password.

The packages' own helpers are not used: they open parent directories, create users and may hand out a dead server.
"""

from config.embedded.postgres import Postgres
from config.embedded.service import ServiceFailed
from config.embedded.valkey import Valkey

__all__ = ["Postgres", "ServiceFailed", "Valkey"]
