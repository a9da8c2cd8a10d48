"""The words everybody shares: operations, events, schemas, errors. Pure; imports nothing of ours."""
