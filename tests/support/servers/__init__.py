"""Real servers on loopback for tests of remotes, and a proxy that makes them fail: README.md."""
