"""Where results, their random streams and the user's plug-ins come from; part of every job's digest."""
