"""A local server that speaks the OpenAI protocol, for demos and tests: offline, deterministic, with faults on request.

Nothing of the product imports this package. It answers by simple rules, good enough for support tickets: no model.

    python -m config.local_llm --port 8088

- ``/v1/chat/completions`` (whole or streamed, free or by JSON schema), ``/v1/embeddings``, ``/v1/models``.
- ``GET /counts``: calls, tokens and the most calls under way at once, for each key; ``DELETE`` begins anew.
- ``GET /requests``: what was asked last. ``/sink/<name>``: counts whoever calls it.

Faults are asked for by the model's name (``fault-429,retry_after=2,times=1``), by the header ``X-Fault`` or anywhere in
the conversation (``[[429 retry_after=2]]``); `faults` lists them.

- ``tickets``: what words of a ticket mean; ``mind``: the answer to a conversation; ``schemas``: the same as JSON.
- ``app``: the server; ``wire``: its bytes; ``serving``: the server in a thread, for tests.
"""
