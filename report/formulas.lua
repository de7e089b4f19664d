-- Gives each formula its alternative text, which PDF/UA asks for: its words in formulas.json.
local folder = pandoc.path.directory(PANDOC_SCRIPT_FILE)
local file = assert(io.open(pandoc.path.join({folder, "formulas.json"}), "rb"))
local words = pandoc.json.decode(file:read("a"))
file:close()

function Math(formula)
  local tex = formula.text:match("^%s*(.-)%s*$")
  local text = words[tex]
  if not text then
    error("the formula " .. tex .. " has no words in report/formulas.json")
  end
  local markup = pandoc.write(pandoc.Pandoc({pandoc.Plain({formula})}), "typst")
  local quoted = '"' .. text:gsub('[\\"]', "\\%0") .. '"'
  return pandoc.RawInline("typst", "#[#set math.equation(alt: " .. quoted .. ");" .. markup .. "]")
end
