/** Makes the file in which a project says what it wants guarded. */

import * as vscode from "vscode";

const TEMPLATE = `#:schema https://raw.githubusercontent.com/authlens/authlens/main/specs/formats/authlens.schema.json
# What this project wants guarded. The nearest authlens.toml above an application holds for it.

# Routes with such paths must be guarded, whatever they look like.
# protect = ["/api/**"]

# Files that are not judged, seen from the folder of this file.
# exclude = ["legacy/**"]

# Callables that verify the caller and raise, by your word: authlens does not look into them.
# sinks = ["app.security.verify"]

# How loud rules are: "error", "warning", "info", "hint" or "off".
# [rules]
# missing-auth-dependency = "warning"

# Routes that are open on purpose. Each needs a reason; without one it is not public.
# [[public]]
# path = "/api/webhooks/*"
# methods = ["POST"]
# reason = "signed by the payment provider"
`;

export async function createConfiguration(): Promise<void> {
  const folder = await pickFolder("Where to create authlens.toml");
  if (folder === undefined) {
    return;
  }
  const file = vscode.Uri.joinPath(folder.uri, "authlens.toml");
  if (!(await exists(file))) {
    await vscode.workspace.fs.writeFile(file, new TextEncoder().encode(TEMPLATE));
  }
  await vscode.window.showTextDocument(file);
}

/** The only folder of the workspace, or the one that is chosen. */
export async function pickFolder(placeHolder: string): Promise<vscode.WorkspaceFolder | undefined> {
  const folders = vscode.workspace.workspaceFolders ?? [];
  if (folders.length === 0) {
    void vscode.window.showInformationMessage("Open a folder first.");
  }
  return folders.length > 1 ? vscode.window.showWorkspaceFolderPick({ placeHolder }) : folders[0];
}

async function exists(file: vscode.Uri): Promise<boolean> {
  try {
    await vscode.workspace.fs.stat(file);
    return true;
  } catch {
    return false;
  }
}
