"""Alembic's entry: it runs in the transaction that :func:`webhook_server.store.migrate.migrate` opened."""

from alembic import context

from webhook_server.store.tables import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
context.run_migrations()
