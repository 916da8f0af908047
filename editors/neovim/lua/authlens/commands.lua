--- What `:Authlens` does.
local client_of = require('authlens.client')

local M = {}

local commands = {}

function commands.routes(arguments)
  require('authlens.routes').open(table.concat(arguments, ' '))
end

function commands.calls()
  local client = client_of.current()
  if not client then
    return
  end
  client_of.request(client, 'authlens/calls', vim.empty_dict(), function(report)
    local entries = vim.tbl_map(function(call)
      local route = call.route
      local reached = route and ('%s, %s'):format(route.name, route.status) or 'no route that is known'
      local text = ('%s %s reaches %s'):format(call.method or '?', call.url, reached)
      return { location = call.location, text = text }
    end, report.calls)
    client_of.list(client, 'Requests of the frontend', entries)
  end)
end

--- Shows Markdown in a window beside.
local function show(markdown)
  local buffer = vim.api.nvim_create_buf(false, true)
  vim.api.nvim_buf_set_lines(buffer, 0, -1, false, vim.split(vim.trim(markdown), '\n'))
  vim.bo[buffer].filetype = 'markdown'
  vim.bo[buffer].bufhidden = 'wipe'
  vim.bo[buffer].modifiable = false
  vim.cmd('botright split')
  vim.api.nvim_win_set_buf(0, buffer)
  vim.keymap.set('n', 'q', '<Cmd>close<CR>', { buffer = buffer, nowait = true })
end

local function explain(client, method, path)
  client_of.request(client, 'authlens/explain', { method = method, path = path }, function(explanation)
    show(explanation.markdown)
  end)
end

--- The route whose handler the cursor is in: the last one that begins above it.
local function under_cursor(client, done)
  local uri = vim.uri_from_bufnr(0)
  local line = vim.api.nvim_win_get_cursor(0)[1] - 1
  client_of.request(client, 'authlens/routes', vim.empty_dict(), function(report)
    local found
    local function look(routes)
      for _, route in ipairs(routes) do
        local at = route.handler
        if at and at.uri == uri and route.kind ~= 'mount' then
          -- A decorator counts as part of its handler.
          local first = math.min(at.range.start.line, route.registration.range.start.line)
          if first <= line and (not found or at.range.start.line > found.handler.range.start.line) then
            found = route
          end
        end
      end
    end
    for _, application in ipairs(report.applications) do
      look(application.routes)
    end
    done(found)
  end)
end

function commands.explain(arguments)
  local client = client_of.current()
  if not client then
    return
  end
  if #arguments >= 2 then
    explain(client, arguments[1], arguments[2])
    return
  end
  under_cursor(client, function(route)
    if route then
      explain(client, route.methods[1] or 'WEBSOCKET', route.path)
    else
      vim.notify('authlens: no route is handled here; say `:Authlens explain METHOD PATH`', vim.log.levels.INFO)
    end
  end)
end

--- Codes of rules that findings name: those of a buffer, or of all.
local function rules_of_findings(buffer, options)
  local codes = {}
  for _, diagnostic in ipairs(vim.diagnostic.get(buffer, options)) do
    if diagnostic.source == 'authlens' then
      codes[diagnostic.code] = true
    end
  end
  return vim.fn.sort(vim.tbl_keys(codes))
end

commands['explain-rule'] = function(arguments)
  local client = client_of.current()
  if not client then
    return
  end
  local code = arguments[1] or rules_of_findings(0, { lnum = vim.api.nvim_win_get_cursor(0)[1] - 1 })[1]
  if not code then
    vim.notify('authlens: no finding is on this line; say `:Authlens explain-rule RULE`', vim.log.levels.INFO)
    return
  end
  local params = { command = 'authlens.explainRule', arguments = { code } }
  client_of.request(client, 'workspace/executeCommand', params, show)
end

function commands.restart()
  for _, client in ipairs(client_of.all()) do
    local config = client.config
    local buffers = vim.lsp.get_buffers_by_client_id(client.id)
    local stopped = vim.fn.has('nvim-0.11') == 1 and function()
      return client:is_stopped()
    end or client.is_stopped
    vim.lsp.stop_client(client.id)
    -- One server at a time: the next one starts when this one is gone.
    local timer = (vim.uv or vim.loop).new_timer()
    timer:start(0, 20, vim.schedule_wrap(function()
      if timer:is_closing() or not stopped() then
        return
      end
      timer:close()
      for _, buffer in ipairs(buffers) do
        if vim.api.nvim_buf_is_loaded(buffer) then
          vim.lsp.start(config, { bufnr = buffer })
        end
      end
    end))
  end
end

function commands.log()
  local path = vim.lsp.log and vim.lsp.log.get_filename and vim.lsp.log.get_filename() or vim.lsp.get_log_path()
  vim.cmd('tabnew ' .. vim.fn.fnameescape(path))
end

--- Runs a command by its words.
function M.run(words)
  local command = commands[words[1]]
  if not command then
    vim.notify('authlens: there is no command `' .. words[1] .. '`', vim.log.levels.ERROR)
    return
  end
  command(vim.list_slice(words, 2))
end

--- Completes names of commands, statuses behind `routes`, and rules of findings behind `explain-rule`.
function M.complete(lead, line)
  local words = vim.tbl_keys(commands)
  if line:match('^%s*Authlens%s+routes%s') then
    words = { 'guarded', 'open', 'public', 'unknown' }
  elseif line:match('^%s*Authlens%s+explain%-rule%s') then
    words = rules_of_findings()
  elseif line:match('^%s*Authlens%s+%S+%s') then
    words = {}
  end
  table.sort(words)
  return vim.tbl_filter(function(word)
    return word:sub(1, #lead) == lead
  end, words)
end

return M
