"""The block types that `tables` gives to workflows (workflows.md section 9), registered when Django starts.

They stand beside `receivers`: like these they are called from below, by `workflows`, and call the services of this
app. `tables.blocks` would be a layer under the services.
"""
