"""What tests stand on: services, races, real processes, signals instead of sleeps, the list of guarantees."""
