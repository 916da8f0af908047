--- What a configuration may call: a start for Neovim versions that have no `vim.lsp.enable`, and safe repairs.
local M = {}

--- Milliseconds that a write may wait for the server.
local PATIENCE = 2000

--- What `setup` started the client with, where Neovim itself keeps no configuration.
M.config = nil

--- Enables authlens. On 0.11 and newer this is `vim.lsp.config` and `vim.lsp.enable`.
---@param options table? fields of the client's configuration, such as `cmd`, `settings` or `on_attach`
function M.setup(options)
  options = options or {}
  if vim.fn.has('nvim-0.11') == 1 then
    vim.lsp.config('authlens', options)
    vim.lsp.enable('authlens')
    return
  end
  local file = vim.api.nvim_get_runtime_file('lsp/authlens.lua', false)[1]
  local config = vim.tbl_deep_extend('force', { name = 'authlens' }, dofile(file), options)
  local own = config.capabilities
  config.capabilities = vim.tbl_deep_extend('force', vim.lsp.protocol.make_client_capabilities(), own)
  M.config = config
  vim.api.nvim_create_autocmd('FileType', {
    group = vim.api.nvim_create_augroup('authlens', {}),
    pattern = config.filetypes,
    callback = function(event)
      local path = vim.api.nvim_buf_get_name(event.buf)
      local marker
      for _, name in ipairs(config.root_markers) do
        marker = marker or vim.fs.find(name, { upward = true, path = vim.fs.dirname(path) })[1]
      end
      local root = marker and vim.fs.dirname(marker) or vim.fs.dirname(path)
      vim.lsp.start(vim.tbl_extend('force', config, { root_dir = root }), { bufnr = event.buf })
    end,
  })
end

--- Applies every repair of a buffer that can't change what legitimate callers see. It waits for the server, so that a
--- write which follows holds them.
---@param buffer integer? the current one if absent
function M.fix_all(buffer)
  buffer = buffer or vim.api.nvim_get_current_buf()
  local start = { line = 0, character = 0 }
  local params = {
    textDocument = { uri = vim.uri_from_bufnr(buffer) },
    range = { start = start, ['end'] = { line = vim.api.nvim_buf_line_count(buffer), character = 0 } },
    context = { only = { 'source.fixAll.authlens' }, diagnostics = {} },
  }
  for _, client in ipairs(require('authlens.client').all()) do
    if vim.lsp.buf_is_attached(buffer, client.id) then
      local newer = vim.fn.has('nvim-0.11') == 1
      local ask = newer and client.request_sync or function(_, ...)
        return client.request_sync(...)
      end
      local answer = ask(client, 'textDocument/codeAction', params, PATIENCE, buffer)
      for _, action in ipairs(answer and answer.result or {}) do
        vim.lsp.util.apply_workspace_edit(action.edit, client.offset_encoding)
      end
    end
  end
end

return M
