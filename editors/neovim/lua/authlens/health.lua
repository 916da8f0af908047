--- `:checkhealth authlens`.
local M = {}

local health = vim.health
local start = health.start or health.report_start
local ok = health.ok or health.report_ok
local info = health.info or health.report_info
local warn = health.warn or health.report_warn
local fail = health.error or health.report_error

local function check_editor()
  if vim.fn.has('nvim-0.11') == 1 then
    ok('Neovim has `vim.lsp.enable`')
  elseif vim.fn.has('nvim-0.9') == 1 then
    info('Neovim is older than 0.11: start the server with `require("authlens").setup()`')
  else
    fail('Neovim 0.9 or newer is needed')
  end
end

local function check_program()
  local newer = vim.fn.has('nvim-0.11') == 1
  local config = (newer and vim.lsp.config.authlens or require('authlens').config) or {}
  local command = config.cmd or { 'authlens', 'server' }
  if type(command) == 'function' then
    info('the server is started by a function of yours')
    return
  end
  local program = command[1]
  if vim.fn.executable(program) == 0 then
    local say = newer and 'vim.lsp.config("authlens", %s)' or 'require("authlens").setup(%s)'
    fail(('`%s` can not be run'):format(program), {
      'Install it: cargo install --path . in the sources of authlens',
      'Or say where it is: ' .. say:format('{ cmd = { "/path/to/authlens", "server" } }'),
    })
    return
  end
  local version = vim.trim(vim.fn.system({ program, '--version' }))
  if vim.v.shell_error ~= 0 then
    fail(('`%s --version` failed: %s'):format(program, version))
  else
    ok(('%s (%s)'):format(vim.fn.exepath(program), version))
  end
end

local function check_clients()
  if vim.fn.has('nvim-0.11') == 0 and not require('authlens').config and #require('authlens.client').all() == 0 then
    warn('authlens is not set up', { 'require("authlens").setup({})' })
  end
  if vim.lsp.is_enabled and not vim.lsp.is_enabled('authlens') then
    warn('authlens is not enabled', { 'vim.lsp.enable("authlens")' })
  end
  local clients = require('authlens.client').all()
  if #clients == 0 then
    info('no server is running: it starts with the first file of Python, TypeScript or JavaScript')
  end
  for _, client in ipairs(clients) do
    local version = client.server_info and client.server_info.version or '?'
    local buffers = #vim.lsp.get_buffers_by_client_id(client.id)
    local text = 'server %s is running in %s for %d buffer(s), positions in %s'
    ok(text:format(version, client.config.root_dir or 'no folder', buffers, client.offset_encoding))
  end
end

--- Says what works and what does not.
function M.check()
  start('authlens')
  check_editor()
  check_program()
  check_clients()
end

return M
