-- The plugin in a real Neovim: nvim --clean --headless -l tests/editors/neovim/test.lua
-- AUTHLENS is the program to test. Everything is waited for by looking; nothing sleeps.
local uv = vim.uv
local tree = assert(os.getenv('TREE'))
local PATIENCE = 30000

io.stdout:setvbuf('line')
local passed, failed = 0, 0
local function test(name, body)
  local started = uv.hrtime()
  local ok, problem = xpcall(body, debug.traceback)
  passed, failed = passed + (ok and 1 or 0), failed + (ok and 0 or 1)
  local took = (uv.hrtime() - started) / 1e6
  io.stdout:write(('neovim: %s: %s (%.0f ms)%s\n'):format(ok and 'ok' or 'FAIL', name, took, ok and '' or '\n' .. problem))
end

local function equal(wanted, got)
  if not vim.deep_equal(wanted, got) then
    error(('wanted %s\n   got %s'):format(vim.inspect(wanted), vim.inspect(got)), 2)
  end
end

local function wait(what, condition)
  if not vim.wait(PATIENCE, condition, 1) then
    error('timed out: ' .. what, 2)
  end
end

local root = uv.fs_realpath(vim.fn.tempname():match('^(.*)/')) .. '/todo'
assert(os.execute(('%s/tests/editors/workspace/make %s'):format(tree, root)) == 0)
local function path(name)
  return root .. '/backend/app/' .. name
end

-- Runtime path entries are what a package manager adds.
vim.opt.runtimepath:prepend(tree .. '/editors/neovim')
vim.cmd('runtime! plugin/authlens.lua')
vim.cmd('filetype plugin on')
vim.o.swapfile = false
-- A recording of the session is checked by tests/editors/protocol.
local command = { assert(os.getenv('AUTHLENS')), 'server' }
if os.getenv('RECORD') then
  command = vim.list_extend({ 'python3', tree .. '/tests/editors/protocol/record.py', os.getenv('RECORD') }, command)
end
vim.lsp.config('authlens', { cmd = command })
vim.lsp.enable('authlens')

local function codes(buffer)
  local found = vim.tbl_map(function(d)
    return d.code
  end, vim.diagnostic.get(buffer))
  table.sort(found)
  return table.concat(found, ' ')
end

local function underlined(buffer)
  local marks = vim.api.nvim_buf_get_extmarks(buffer, -1, 0, -1, { details = true })
  return vim.tbl_filter(function(mark)
    return (mark[4].hl_group or ''):match('^DiagnosticUnderline')
  end, marks)
end

local function lines(buffer)
  return vim.api.nvim_buf_get_lines(buffer, 0, -1, true)
end

local function text(buffer)
  return table.concat(lines(buffer), '\n')
end

-- What a hover shows.
local function hovered()
  vim.lsp.buf.hover()
  local shown
  wait('a window', function()
    for _, window in ipairs(vim.api.nvim_list_wins()) do
      if vim.api.nvim_win_get_config(window).relative ~= '' then
        shown = text(vim.api.nvim_win_get_buf(window))
        return true
      end
    end
  end)
  return shown
end

local tasks

test('attaches in the folder of the repository, in UTF-8', function()
  local opened = uv.hrtime()
  vim.cmd.edit(path('api/tasks.py'))
  tasks = vim.api.nvim_get_current_buf()
  wait('a squiggle', function()
    return #underlined(tasks) == 1
  end)
  io.stdout:write(('neovim: from opening a file to its first squiggle: %.0f ms\n'):format((uv.hrtime() - opened) / 1e6))
  local client = vim.lsp.get_clients({ name = 'authlens', bufnr = tasks })[1]
  equal(root, client.root_dir)
  equal('utf-8', client.offset_encoding)
  equal('spec-auth-drift', codes(tasks))
end)

test('a key changes the findings, and undoing it changes them back', function()
  local line = vim.fn.search('def delete_task')
  local column = #'def delete_task(task_id: int'
  local pressed = uv.hrtime()
  vim.api.nvim_buf_set_text(tasks, line - 1, column, line - 1, column, { ', user: CurrentUser' })
  wait('no squiggle', function()
    return #underlined(tasks) == 0
  end)
  io.stdout:write(('neovim: from a key to the updated squiggles: %.0f ms\n'):format((uv.hrtime() - pressed) / 1e6))
  vim.cmd('silent undo')
  wait('the squiggle again', function()
    return #underlined(tasks) == 1
  end)
end)

test('columns behind a wide character', function()
  vim.cmd.edit(path('audit.py'))
  local audit = vim.api.nvim_get_current_buf()
  wait('findings', function()
    return codes(audit) == 'token-logged unverified-auth-dependency'
  end)
  local logged = vim.diagnostic.get(audit, { severity = vim.diagnostic.severity.ERROR })[1]
  local line = lines(audit)[logged.lnum + 1]
  equal('bearer.credentials', line:sub(logged.col + 1, logged.end_col))
  equal('authlens', logged.source)
end)

test('hover shows the verdict with its proof', function()
  vim.api.nvim_set_current_buf(tasks)
  vim.fn.search('def delete_task')
  vim.cmd('normal! w')
  local shown = hovered()
  assert(shown:find('DELETE /api/v1/tasks/{task_id}', 1, true), shown)
  assert(shown:find('tasks.py:20', 1, true), shown)
  vim.cmd('fclose')
end)

test('a code action repairs the buffer, and writing it the file', function()
  vim.cmd.edit(path('audit.py'))
  local audit = vim.api.nvim_get_current_buf()
  vim.fn.search('bearer.credentials')
  vim.lsp.buf.code_action({
    context = { only = { 'quickfix' } },
    filter = function(action)
      return action.isPreferred
    end,
    apply = true,
  })
  wait('the edit', function()
    return text(audit):find('mark = "😀"; log.info("%s asked with %s", mark, "[redacted]")', 1, true)
  end)
  wait('the finding gone', function()
    return codes(audit) == 'unverified-auth-dependency'
  end)
  vim.cmd('silent write')
  equal(lines(audit), vim.fn.readfile(path('audit.py')))
end)

test('safe repairs are applied before a write, others are not', function()
  vim.cmd.edit(path('api/reports.py'))
  local reports = vim.api.nvim_get_current_buf()
  wait('findings', function()
    return codes(reports) == 'unused-ignore'
  end)
  local group = vim.api.nvim_create_augroup('on-save', {})
  vim.api.nvim_create_autocmd('BufWritePre', {
    group = group,
    pattern = '*.py',
    callback = function(event)
      require('authlens').fix_all(event.buf)
    end,
  })
  vim.cmd('silent write')
  wait('the finding gone', function()
    return codes(reports) == ''
  end)
  local written = table.concat(vim.fn.readfile(path('api/reports.py')), '\n')
  assert(not written:find('authlens: ignore', 1, true), written)
  -- Whoever is signed in would be let in where administrators are meant.
  vim.cmd.edit(path('api/admin.py'))
  local admin = vim.api.nvim_get_current_buf()
  wait('findings', function()
    return codes(admin) == 'missing-auth-dependency missing-auth-dependency'
  end)
  local before = vim.fn.readfile(path('api/admin.py'))
  vim.cmd('silent write')
  vim.api.nvim_del_augroup_by_id(group)
  equal(before, vim.fn.readfile(path('api/admin.py')))
end)

test('what another program writes is noticed without watchers', function()
  vim.cmd.edit(path('api/profile.py'))
  vim.cmd.edit(path('core/auth.py'))
  local auth = vim.api.nvim_get_current_buf()
  wait('findings', function()
    return codes(auth) == 'unverified-auth-dependency unverified-auth-dependency'
  end)
  vim.fn.writefile({ '[rules]', 'unverified-auth-dependency = "off"' }, root .. '/authlens.toml')
  wait('the configuration', function()
    return codes(auth) == ''
  end)
  vim.fn.delete(root .. '/authlens.toml')
  wait('its absence', function()
    return codes(auth) == 'unverified-auth-dependency unverified-auth-dependency'
  end)
end)

test(':Authlens routes follows edits, filters and leads to handler and guard', function()
  vim.api.nvim_set_current_buf(tasks)
  vim.cmd('Authlens routes')
  local routes = vim.api.nvim_get_current_buf()
  wait('the table', function()
    return text(routes):find('DELETE%s+/api/v1/tasks/{task_id}%s+OPEN')
  end)
  assert(text(routes):find('GET%s+/api/v1/tasks%s+guarded: get_current_user'), text(routes))
  local line = vim.fn.search('/api/v1/tasks ')
  vim.api.nvim_feedkeys(vim.keycode('<CR>'), 'x', false)
  equal(path('api/tasks.py'), vim.api.nvim_buf_get_name(0))
  equal('def list_tasks(user: CurrentUser) -> list[dict]:', vim.api.nvim_get_current_line())
  vim.cmd('wincmd p')
  vim.api.nvim_win_set_cursor(0, { line, 0 })
  vim.api.nvim_feedkeys('gd', 'x', false)
  equal('def get_current_user(credentials: Credentials) -> dict:', vim.api.nvim_get_current_line())
  -- An edit elsewhere shows in the table by itself.
  vim.api.nvim_set_current_buf(tasks)
  local at = vim.fn.search('def delete_task')
  vim.api.nvim_buf_set_lines(tasks, at - 1, at, true, { 'def delete_task(task_id: int, user: CurrentUser) -> dict:' })
  wait('the new verdict', function()
    return text(routes):find('DELETE%s+/api/v1/tasks/{task_id}%s+guarded: get_current_user')
  end)
  vim.cmd('Authlens routes open')
  wait('the filter', function()
    return not text(routes):find('guarded:', 1, true) and text(routes):find('/api/v1/profile', 1, true)
  end)
  vim.cmd('bwipeout!')
end)

test(':Authlens explain shows the proof of the route under the cursor', function()
  vim.api.nvim_set_current_buf(tasks)
  vim.fn.search('def create_task')
  vim.cmd('Authlens explain')
  wait('the proof', function()
    return vim.bo.filetype == 'markdown' and text(0):find('# POST /api/v1/tasks', 1, true)
  end)
  assert(text(0):find('**guarded**: get_current_user', 1, true), text(0))
  vim.cmd('bwipeout!')
end)

test('a finding leads to the page of its rule, by a command and by a code action', function()
  vim.api.nvim_set_current_buf(tasks)
  vim.cmd('silent undo')
  wait('the finding', function()
    return codes(tasks) == 'spec-auth-drift'
  end)
  local function shows_page()
    return vim.bo.filetype == 'markdown' and lines(0)[1] == '# spec-auth-drift'
  end
  vim.fn.search('def delete_task')
  vim.cmd('Authlens explain-rule')
  wait('the page', shows_page)
  vim.cmd('bwipeout!')
  vim.api.nvim_set_current_buf(tasks)
  vim.fn.search('delete_task', 'c')
  vim.lsp.buf.code_action({
    filter = function(action)
      return action.title == 'Explain `spec-auth-drift`'
    end,
    apply = true,
  })
  wait('the page again', shows_page)
  vim.cmd('bwipeout!')
  vim.api.nvim_set_current_buf(tasks)
  equal({ 'spec-auth-drift' }, vim.fn.getcompletion('Authlens explain-rule sp', 'cmdline'))
  vim.cmd('silent redo')
  wait('the repair', function()
    return codes(tasks) == ''
  end)
end)

test(':Authlens calls lists the requests of the frontend', function()
  vim.api.nvim_set_current_buf(tasks)
  vim.cmd('Authlens calls')
  wait('the list', function()
    return #vim.fn.getqflist() > 0
  end)
  local texts = vim.tbl_map(function(item)
    return item.text
  end, vim.fn.getqflist())
  local all = table.concat(texts, '\n')
  assert(all:find('reaches GET /api/v1/tasks, guarded', 1, true), all)
  vim.cmd('cclose')
end)

test('routes are found by their names', function()
  vim.api.nvim_set_current_buf(tasks)
  vim.fn.setqflist({}, 'f')
  vim.lsp.buf.workspace_symbol('get /api/v1/tasks/all')
  wait('the list', function()
    return #vim.fn.getqflist() > 0
  end)
  local found = vim.tbl_map(function(item)
    return { vim.api.nvim_buf_get_name(item.bufnr), item.lnum, item.text }
  end, vim.fn.getqflist())
  equal({ { path('api/tasks.py'), 27, '[Function] GET /api/v1/tasks/all' } }, found)
  vim.cmd('cclose')
end)

test('from a request to its handler and back, and what is expected of it', function()
  vim.cmd.edit(root .. '/frontend/lib/tasks.ts')
  local calls = vim.api.nvim_get_current_buf()
  wait('findings', function()
    return codes(calls) ~= ''
  end)
  local line = vim.fn.search('v1/tasks/all')
  local shown = hovered()
  for _, words in ipairs({ 'GET /api/v1/tasks/all', 'guarded', 'RequireRole', 'the specification says' }) do
    assert(shown:find(words, 1, true), shown)
  end
  vim.cmd('fclose')
  vim.lsp.buf.definition()
  wait('the handler', function()
    return vim.api.nvim_get_current_line():find('def all_tasks', 1, true)
  end)
  vim.fn.setqflist({}, 'f')
  vim.fn.search('all_tasks', 'c', vim.fn.line('.'))
  vim.lsp.buf.references({ includeDeclaration = false })
  wait('the requests', function()
    return #vim.fn.getqflist() > 0
  end)
  local found = vim.tbl_map(function(item)
    return { vim.api.nvim_buf_get_name(item.bufnr), item.lnum }
  end, vim.fn.getqflist())
  equal({ { root .. '/frontend/lib/tasks.ts', line } }, found)
  vim.cmd('cclose')
end)

test(':Authlens completes its commands', function()
  equal({ 'calls', 'explain', 'explain-rule', 'log', 'restart', 'routes' }, vim.fn.getcompletion('Authlens ', 'cmdline'))
  equal({ 'public' }, vim.fn.getcompletion('Authlens routes p', 'cmdline'))
end)

test(':Authlens restart starts another server, which finds the same', function()
  vim.api.nvim_set_current_buf(tasks)
  vim.cmd('silent undo')
  wait('the finding', function()
    return codes(tasks) == 'spec-auth-drift'
  end)
  local before = vim.lsp.get_clients({ name = 'authlens' })[1].id
  vim.cmd('Authlens restart')
  wait('another client', function()
    local clients = vim.lsp.get_clients({ name = 'authlens', bufnr = tasks })
    return #clients == 1 and clients[1].id ~= before
  end)
  wait('the finding again', function()
    return codes(tasks) == 'spec-auth-drift'
  end)
end)

test(':checkhealth authlens is content', function()
  vim.cmd('silent checkhealth authlens')
  local said = text(0)
  assert(said:find('authlens (authlens ', 1, true) or said:find('python3 (', 1, true), said)
  assert(said:find('is running in ' .. root, 1, true), said)
  assert(not said:find('ERROR', 1, true) and not said:find('WARNING', 1, true), said)
  vim.cmd('bwipeout!')
end)

test('help has its tags', function()
  local doc = tree .. '/editors/neovim/doc'
  local copy = vim.fn.tempname()
  vim.fn.mkdir(copy .. '/doc', 'p')
  vim.fn.writefile(vim.fn.readfile(doc .. '/authlens.txt'), copy .. '/doc/authlens.txt')
  vim.opt.runtimepath:prepend(copy)
  vim.cmd('helptags ' .. copy .. '/doc')
  for _, tag in ipairs({ 'authlens', ':Authlens-routes', 'authlens-settings', 'authlens.fix_all()' }) do
    vim.cmd('help ' .. tag)
    equal(copy .. '/doc/authlens.txt', vim.api.nvim_buf_get_name(0))
  end
  vim.cmd('helpclose')
end)

test('a plain package is enough', function()
  local pack = vim.fn.tempname()
  vim.fn.mkdir(pack .. '/pack/any/start', 'p')
  assert(uv.fs_symlink(tree .. '/editors/neovim', pack .. '/pack/any/start/authlens'))
  local tells = [[lua io.write(vim.fn.exists(':Authlens'), ' ', vim.lsp.config.authlens.cmd[2], '\n')]]
  local command = { vim.v.progpath, '--clean', '--headless', '--cmd', 'set packpath^=' .. pack, '+' .. tells, '+qa' }
  local done = vim.system(command, { text = true }):wait(PATIENCE)
  equal('2 server', vim.trim(done.stdout .. done.stderr))
end)

test('disabling stops the server', function()
  vim.lsp.enable('authlens', false)
  wait('no client', function()
    return #vim.lsp.get_clients({ name = 'authlens' }) == 0
  end)
end)

vim.fn.delete(root, 'rf')
io.stdout:write(('neovim: %d passed, %d failed\n'):format(passed, failed))
os.exit(failed == 0 and 0 or 1)
