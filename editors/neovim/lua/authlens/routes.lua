--- The route table in a window of its own.
local client_of = require('authlens.client')

local M = {}

--- The open table: buffer, client, filter, result id, and the routes by line.
local shown = nil

local highlights = { guarded = 'DiagnosticOk', open = 'DiagnosticError', public = 'DiagnosticInfo', unknown = 'DiagnosticWarn' }
local namespace = vim.api.nvim_create_namespace('authlens.routes')

local function method_of(route)
  local other = { websocket = 'WS', mount = 'MOUNT', frontend = 'FRONTEND' }
  return other[route.kind] or table.concat(route.methods, ',')
end

local function guard_of(route)
  if route.kind == 'mount' then
    return '-'
  elseif route.status == 'open' then
    return 'OPEN'
  end
  return route.status .. ': ' .. route.detail
end

--- The rows of a table: texts of four columns with the route that they tell of, or a title.
local function rows_of(client, report, filter)
  local rows = {}
  local function add(title, routes)
    local own = {}
    for _, route in ipairs(routes) do
      local place = route.handler or route.registration
      local where = place and ('%s:%d'):format(client_of.relative(client, place.uri), place.range.start.line + 1) or ''
      local row = { method_of(route), route.path, guard_of(route), where, route = route }
      local text = table.concat(row, ' '):lower()
      if filter == '' or route.status == filter or text:find(filter:lower(), 1, true) then
        table.insert(own, row)
      end
    end
    if #own > 0 then
      table.insert(rows, { title = title })
      vim.list_extend(rows, own)
    end
  end
  for _, application in ipairs(report.applications) do
    add(application.name .. (application.inTests and ' (test code)' or ''), application.routes)
  end
  add('not included by any application', report.notIncluded)
  return rows
end

local function render(report)
  local rows = rows_of(shown.client, report, shown.filter)
  local widths = { 0, 0, 0 }
  for _, row in ipairs(rows) do
    for column = 1, row.title and 0 or 3 do
      widths[column] = math.max(widths[column], vim.fn.strdisplaywidth(row[column]))
    end
  end
  local lines, marks = {}, {}
  shown.routes = {}
  for number, row in ipairs(rows) do
    if row.title then
      lines[number] = row.title
      table.insert(marks, { number - 1, 0, #row.title, 'Title' })
    else
      local line = ''
      for column = 1, 3 do
        local from = #line + 2
        line = line .. '  ' .. row[column] .. (' '):rep(widths[column] - vim.fn.strdisplaywidth(row[column]))
        if column == 3 and highlights[row.route.status] and row.route.kind ~= 'mount' then
          table.insert(marks, { number - 1, from, from + #row[column], highlights[row.route.status] })
        end
      end
      table.insert(marks, { number - 1, #line + 2, #line + 2 + #row[4], 'Comment' })
      lines[number] = line .. '  ' .. row[4]
      shown.routes[number] = row.route
    end
  end
  local counts = report.summary
  local total = '%d routes: %d guarded, %d open, %d public, %d unknown'
  local last = total:format(counts.routes, counts.guarded, counts.open, counts.public, counts.unknown)
  vim.list_extend(lines, { '', last .. (counts.indexing and ' (still reading)' or '') })
  vim.bo[shown.buffer].modifiable = true
  vim.api.nvim_buf_set_lines(shown.buffer, 0, -1, false, lines)
  vim.bo[shown.buffer].modifiable = false
  vim.bo[shown.buffer].modified = false
  vim.api.nvim_buf_clear_namespace(shown.buffer, namespace, 0, -1)
  for _, mark in ipairs(marks) do
    vim.api.nvim_buf_set_extmark(shown.buffer, namespace, mark[1], mark[2], { end_col = mark[3], hl_group = mark[4] })
  end
end

--- Asks for the table anew, if it is open.
function M.refresh()
  if not shown or not vim.api.nvim_buf_is_valid(shown.buffer) then
    shown = nil
    return
  end
  local asked = shown
  client_of.request(asked.client, 'authlens/routes', { previousResultId = asked.result_id }, function(report)
    if shown == asked and report.kind == 'full' and vim.api.nvim_buf_is_valid(asked.buffer) then
      asked.result_id = report.resultId
      render(report)
    end
  end)
end

local function window_of_code()
  -- The table keeps its own window: places are shown in the one before it.
  vim.cmd('wincmd p')
end

local function set_keys(buffer)
  local function key(keys, what, action)
    vim.keymap.set('n', keys, function()
      local route = shown and shown.routes[vim.api.nvim_win_get_cursor(0)[1]]
      if route then
        action(route, shown.client)
      end
    end, { buffer = buffer, desc = what, nowait = true })
  end
  key('<CR>', 'Go to the handler', function(route, client)
    window_of_code()
    client_of.jump(client, route.handler or route.registration)
  end)
  key('gd', 'Go to the guard', function(route, client)
    if route.guard then
      window_of_code()
    end
    client_of.jump(client, route.guard)
  end)
  key('gr', 'List calls of the frontend', function(route, client)
    local entries = vim.tbl_map(function(location)
      return { location = location }
    end, route.callers)
    client_of.list(client, 'Calls of ' .. method_of(route) .. ' ' .. route.path, entries)
  end)
  key('K', 'Explain the verdict', function(route)
    require('authlens.commands').run({ 'explain', route.methods[1] or method_of(route), route.path })
  end)
  vim.keymap.set('n', 'q', '<Cmd>close<CR>', { buffer = buffer, desc = 'Close', nowait = true })
end

--- Opens the table. A filter is a status or a part of what a row says.
function M.open(filter)
  local client = client_of.current()
  if not client then
    return
  end
  local buffer = shown and vim.api.nvim_buf_is_valid(shown.buffer) and shown.buffer
  if not buffer then
    buffer = vim.api.nvim_create_buf(false, true)
    vim.api.nvim_buf_set_name(buffer, 'authlens://routes')
    vim.bo[buffer].filetype = 'authlens-routes'
    vim.bo[buffer].bufhidden = 'wipe'
    set_keys(buffer)
  end
  shown = { buffer = buffer, client = client, filter = filter, routes = {} }
  local window = vim.fn.bufwinid(buffer)
  if window == -1 then
    vim.cmd('botright split')
    vim.api.nvim_win_set_buf(0, buffer)
    vim.wo.wrap = false
    vim.wo.cursorline = true
  else
    vim.api.nvim_set_current_win(window)
  end
  M.refresh()
end

return M
