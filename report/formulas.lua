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

-- A figure or a table and its caption, the paragraph after it, stay on one page. A figure may move
-- to the top or the bottom of a page, so that no page ends in white. The first table is the result.
function Blocks(blocks)
  local found = pandoc.List()
  local i = 1
  while i <= #blocks do
    local block, caption = blocks[i], blocks[i + 1]
    local words = caption and caption.t == "Para" and pandoc.utils.stringify(caption) or ""
    local kind, number = words:match("^(%a+) (%d+)%. ")
    if (block.t == "Figure" and kind == "Figure") or (block.t == "Table" and kind == "Table") then
      local wrapper = kind == "Figure" and "floating" or number == "1" and "result" or "kept"
      found:insert(pandoc.RawBlock("typst", "#" .. wrapper .. "["))
      found:extend({block, caption, pandoc.RawBlock("typst", "]")})
      i = i + 2
    else
      found:insert(block)
      i = i + 1
    end
  end
  return found
end
