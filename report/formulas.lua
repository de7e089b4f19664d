-- From report.md to Typst: words for formulas, spanning heads, whole addresses, and what must stay
-- together on a page. report/style.typ has the functions that are called here.
local folder = pandoc.path.directory(PANDOC_SCRIPT_FILE)
local file = assert(io.open(pandoc.path.join({folder, "formulas.json"}), "rb"))
local words = pandoc.json.decode(file:read("a"))
file:close()
local repository = ""

local function raw(text)
  return pandoc.RawInline("typst", text)
end

local function spoken(tex)
  local factor, exponent = tex:match("^([%d.]*)[\\cdot ]*10^{(%-?%d+)}$")
  if factor then
    return (factor ~= "" and factor .. " times " or "") .. "10 to the power " .. exponent
  end
  return words[tex] or error("the formula " .. tex .. " has no words in report/formulas.json")
end

-- PDF/UA asks for an alternative text. A displayed formula that begins with (1) has this number at
-- the margin.
local function Math(formula)
  local tex = formula.text:match("^%s*(.-)%s*$")
  local text = spoken(tex)
  local number, rest = tex:match("^%((%d+)%) \\quad (.*)$")
  formula.text = rest or tex
  local markup = pandoc.write(pandoc.Pandoc({pandoc.Plain({formula})}), "typst")
  markup = markup:gsub("dot%.circle", "dot.o") -- Typst has renamed it since
  local alt = 'alt: "' .. text:gsub('[\\"]', "\\%0") .. '"'
  local numbering = number and ', numbering: _ => [(' .. number .. ')]' or ""
  local kept = formula.mathtype == "InlineMath" and #tex < 30 and "#box" or "#" -- on one line
  return raw(kept .. "[#set math.equation(" .. alt .. numbering .. ");" .. markup .. "]")
end

local function Link(link)
  if repository ~= "" and not link.target:match("^%a+:") and not link.target:match("^#") then
    link.target = repository .. "/blob/main/" .. link.target
  end
  return link
end

-- Heads "here: loss" and "here: accuracy" side by side become one head "here" above both.
local function Table(tbl)
  local heads, groups, spanned = tbl.head.rows[1].cells, pandoc.List(), false
  for i, cell in ipairs(heads) do
    local group, name = pandoc.utils.stringify(cell.contents):match("^(.-): (.*)$")
    spanned = spanned or group ~= nil
    local last = groups[#groups]
    if group and last and last.group == group then
      last.names:insert(name)
    else
      groups:insert({group = group, names = pandoc.List({name}), cell = cell})
    end
  end
  if not spanned then
    return nil
  end
  local upper, lower = pandoc.List(), pandoc.List()
  for _, it in ipairs(groups) do
    if it.group then
      local over = pandoc.Cell({pandoc.Plain(it.group)}, "AlignCenter", 1, #it.names)
      over.attributes["typst:stroke"] = "(bottom: 0.4pt)"
      upper:insert(over)
      for _, name in ipairs(it.names) do
        lower:insert(pandoc.Cell({pandoc.Plain(name)}))
      end
    else
      it.cell.row_span = 2
      upper:insert(it.cell)
    end
  end
  tbl.head.rows = {pandoc.Row(upper), pandoc.Row(lower)}
  return tbl
end

-- A list whose entries all begin with a link into this report is a table of contents: a box, each
-- entry with its page. nil for any other block.
local function contents(list)
  if not list or list.t ~= "BulletList" then
    return nil
  end
  local entries = pandoc.List()
  for _, item in ipairs(list.content) do
    local link = item[1].content[1]
    local label = link and link.t == "Link" and link.target:match("^#(.*)$")
    if not label then
      return nil
    end
    local entry = item[1].content:clone()
    entry:insert(raw("#pageof(<" .. label .. ">)"))
    entries:insert(pandoc.Para(entry))
  end
  return entries
end

local function wrapped(name, blocks)
  local all = pandoc.List({pandoc.RawBlock("typst", "#" .. name .. "[")})
  all:extend(blocks)
  all:insert(pandoc.RawBlock("typst", "]"))
  return all
end

local function is_formula(block)
  return block and block.t == "Para" and #block.content == 1
    and block.content[1].t == "Math" and block.content[1].mathtype == "DisplayMath"
end

-- Whether it may move: a figure, or a long table.
local function floats(block)
  return block.t == "Figure" or #block.bodies[1].body > 8
end

-- A figure or a table and its caption, the paragraph after it, stay on one page, and so does a
-- paragraph with the formula, the code, the list or the table that it leads to. A figure or a long table may
-- move to the top or the bottom of a page, so that no page ends in white. The first table is the
-- result.
local function arranged(blocks)
  local found = pandoc.List()
  local i = 1
  while i <= #blocks do
    local block, after = blocks[i], blocks[i + 1]
    local caption = after and after.t == "Para" and pandoc.utils.stringify(after) or ""
    local kind, number = caption:match("^(%a+) (%d+)%. ")
    if (block.t == "Figure" and kind == "Figure") or (block.t == "Table" and kind == "Table") then
      local wrapper = number == "1" and kind == "Table" and "result" or floats(block) and "floating" or "kept"
      found:extend(wrapped(wrapper, {block, after}))
      i = i + 2
    elseif contents(after) then
      found:extend(wrapped("answers", {block, table.unpack(contents(after))}))
      i = i + 2
    elseif block.t == "Para" and not is_formula(block) and after
      and (after.t == "CodeBlock" or after.t == "BulletList" or is_formula(after)
        or after.t == "Table" and not floats(after)) then
      found:extend(wrapped("leadin", {block}))
      i = i + 1
    else
      found:insert(block)
      i = i + 1
    end
  end
  return found
end

local function Meta(meta)
  repository = pandoc.utils.stringify(meta.repository or "")
end

return {{Meta = Meta}, {Blocks = arranged}, {Math = Math, Link = Link, Table = Table}}
