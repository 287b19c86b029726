//! Saving, loading and the AOF through the real disk machine over a storage in memory.
