--- The running client, whatever version of Neovim this is.
local M = {}

--- All clients of authlens, those of the current buffer first.
function M.all()
  local get = vim.lsp.get_clients or vim.lsp.get_active_clients
  local here = get({ name = 'authlens', bufnr = vim.api.nvim_get_current_buf() })
  local known = {}
  for _, client in ipairs(here) do
    known[client.id] = true
  end
  for _, client in ipairs(get({ name = 'authlens' })) do
    if not known[client.id] then
      table.insert(here, client)
    end
  end
  return here
end

--- The client of the current buffer, or the only one; says so when there is none.
function M.current()
  local client = M.all()[1]
  if not client then
    vim.notify('authlens is not running; `:checkhealth authlens` tells why', vim.log.levels.WARN)
  end
  return client
end

--- Asks the server, and calls `done` with its answer; an error is shown.
function M.request(client, method, params, done)
  local function handler(error, result)
    if error then
      vim.notify('authlens: ' .. error.message, vim.log.levels.WARN)
    else
      done(result)
    end
  end
  if vim.fn.has('nvim-0.11') == 1 then
    client:request(method, params, handler)
  else
    client.request(method, params, handler)
  end
end

--- Goes to a location of the protocol.
function M.jump(client, location)
  if not location then
    vim.notify('authlens: there is no such place', vim.log.levels.INFO)
  elseif vim.lsp.util.show_document then
    vim.lsp.util.show_document(location, client.offset_encoding, { focus = true })
  else
    vim.lsp.util.jump_to_location(location, client.offset_encoding)
  end
end

--- Shows locations, each with a text, in the quickfix list.
function M.list(client, title, entries)
  local locations = vim.tbl_map(function(entry)
    return entry.location
  end, entries)
  -- The items come back sorted: each names its location in `user_data`.
  local items = vim.lsp.util.locations_to_items(locations, client.offset_encoding)
  for _, item in ipairs(items) do
    for _, entry in ipairs(entries) do
      if vim.deep_equal(item.user_data, entry.location) then
        item.text = entry.text or item.text
      end
    end
  end
  vim.fn.setqflist({}, ' ', { title = title, items = items })
  vim.cmd('botright copen')
end

--- A path as seen from the client's folder.
function M.relative(client, uri)
  local path = vim.uri_to_fname(uri)
  local root = client.config.root_dir
  if root and path:sub(1, #root + 1) == root .. '/' then
    return path:sub(#root + 2)
  end
  return path
end

return M
