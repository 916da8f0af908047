// Checks the types of several copies of a frontend: `typecheck.cjs FOLDER…`. What the packages declare is read once.
const path = require("node:path");
const folders = process.argv.slice(2);
const ts = require(path.join(folders[0], "node_modules/typescript"));

const declared = new Map();
let failed = false;
for (const folder of folders) {
  const configuration = path.join(folder, "tsconfig.json");
  const read = ts.readConfigFile(configuration, ts.sys.readFile);
  const { options, fileNames } = ts.parseJsonConfigFileContent(read.config, ts.sys, folder, {}, configuration);
  const host = ts.createCompilerHost(options);
  const parse = host.getSourceFile.bind(host);
  host.getSourceFile = (name, ...rest) => {
    if (!name.includes("node_modules")) return parse(name, ...rest);
    if (!declared.has(name)) declared.set(name, parse(name, ...rest));
    return declared.get(name);
  };
  const program = ts.createProgram(fileNames, options, host);
  for (const found of ts.getPreEmitDiagnostics(program)) {
    failed = true;
    const at = found.file ? `${found.file.fileName}:${found.file.getLineAndCharacterOfPosition(found.start).line + 1}` : folder;
    console.log(`${at}: ${ts.flattenDiagnosticMessageText(found.messageText, "\n")}`);
  }
}
process.exit(failed ? 1 : 0);
