-- The plugin in a Neovim without `vim.lsp.enable`: nvim --clean --headless -l tests/editors/neovim-older/test.lua
-- AUTHLENS is the program to test. Everything is waited for by looking; nothing sleeps.
local uv = vim.uv or vim.loop
local tree = assert(os.getenv('TREE'))

io.stdout:setvbuf('line')
local passed, failed = 0, 0
local function test(name, body)
  local ok, problem = xpcall(body, debug.traceback)
  passed, failed = passed + (ok and 1 or 0), failed + (ok and 0 or 1)
  io.stdout:write(('neovim 0.%d: %s: %s%s\n'):format(vim.version().minor, ok and 'ok' or 'FAIL', name, ok and '' or '\n' .. problem))
end

local function wait(what, condition)
  if not vim.wait(30000, condition, 1) then
    error('timed out: ' .. what, 2)
  end
end

local function health()
  vim.cmd('silent checkhealth authlens')
  local said = table.concat(vim.api.nvim_buf_get_lines(0, 0, -1, true), '\n')
  vim.cmd('bwipeout!')
  return said
end

local function says(text, ...)
  for _, wanted in ipairs({ ... }) do
    assert(text:find(wanted, 1, true), ('%s is not in:\n%s'):format(wanted, text))
  end
end

local root = uv.fs_realpath(vim.fn.tempname():match('^(.*)/')) .. '/todo'
assert(os.execute(('%s/tests/editors/workspace/make %s'):format(tree, root)) == 0)
vim.opt.runtimepath:prepend(tree .. '/editors/neovim')
vim.cmd('runtime! plugin/authlens.lua')
vim.cmd('filetype plugin on')
vim.o.swapfile = false

test('it is one that has no `vim.lsp.enable`', function()
  assert(vim.lsp.enable == nil)
end)

test(':checkhealth says how to start the server, and where a missing program is named', function()
  -- The program is on the path of nobody here.
  vim.env.PATH = '/usr/bin:/bin'
  local said = health()
  says(said, 'require("authlens").setup({})', 'require("authlens").setup({ cmd = {')
  assert(not said:find('vim.lsp.config', 1, true), said)
end)

test('setup() starts the server that it names, and :checkhealth is content', function()
  local command = { assert(os.getenv('AUTHLENS')), 'server' }
  if os.getenv('RECORD') then
    command = vim.list_extend({ 'python3', tree .. '/tests/editors/protocol/record.py', os.getenv('RECORD') }, command)
  end
  require('authlens').setup({ cmd = command })
  vim.cmd.edit(root .. '/backend/app/api/tasks.py')
  wait('the finding', function()
    local found = vim.diagnostic.get(0)
    return #found == 1 and found[1].code == 'spec-auth-drift'
  end)
  local said = health()
  says(said, 'is running in ' .. root)
  assert(not said:find('ERROR', 1, true) and not said:find('WARNING', 1, true), said)
end)

test('the routes and the page of a rule open', function()
  vim.cmd('Authlens explain-rule spec-auth-drift')
  wait('the page', function()
    return vim.bo.filetype == 'markdown' and vim.api.nvim_buf_get_lines(0, 0, 1, true)[1] == '# spec-auth-drift'
  end)
  vim.cmd('bwipeout!')
  vim.cmd('Authlens routes open')
  local routes = vim.api.nvim_get_current_buf()
  wait('the table', function()
    return table.concat(vim.api.nvim_buf_get_lines(routes, 0, -1, true), '\n'):find('/api/v1/profile', 1, true)
  end)
end)

vim.fn.delete(root, 'rf')
io.stdout:write(('neovim 0.%d: %d passed, %d failed\n'):format(vim.version().minor, passed, failed))
os.exit(failed == 0 and 0 or 1)
