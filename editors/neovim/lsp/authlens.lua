--- authlens: proves which FastAPI routes are guarded, in the backend and where the frontend calls them.
---
--- The server is the program `authlens`; `cargo install --path .` in the project's folder puts it on the path.
---
--- `.git` comes first on purpose: the backend and the frontend that calls it often are folders of one repository,
--- and the server has to see both.
---@type vim.lsp.Config
return {
  cmd = { 'authlens', 'server' },
  filetypes = { 'python', 'typescript', 'typescriptreact', 'javascript', 'javascriptreact' },
  root_markers = { '.git', 'authlens.toml', 'pyproject.toml' },
  -- Lets an open `:Authlens routes` follow what is edited, and offers the page of a rule with the repairs of a finding.
  capabilities = { experimental = { authlens = { routesChanged = true, explainRule = true } } },
  handlers = {
    ['authlens/routesChanged'] = function()
      require('authlens.routes').refresh()
    end,
  },
  commands = {
    ['authlens.explainRule'] = function(command)
      require('authlens.commands').run({ 'explain-rule', command.arguments[1] })
    end,
  },
  settings = {
    authlens = {},
  },
}
