-- The command `:Authlens`. Nothing else is loaded before it is used, and no server is started by this file.
if vim.g.loaded_authlens then
  return
end
vim.g.loaded_authlens = true

vim.api.nvim_create_user_command('Authlens', function(command)
  require('authlens.commands').run(command.fargs)
end, {
  nargs = '+',
  desc = 'Routes, calls and proofs of authlens',
  complete = function(lead, line)
    return require('authlens.commands').complete(lead, line)
  end,
})
