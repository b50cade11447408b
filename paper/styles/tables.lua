-- What pandoc's markdown has no words for, in both renderers: the widths and rules of tables, which of them may break
-- across pages, the list of origins in small columns, and where the contents stand in the PDF.

local MOST_ROWS_WHOLE = 12 -- a longer table may continue on the next page, under its repeated heading

local typst = FORMAT:match("typst") ~= nil

local function typst_block(text)
  return pandoc.RawBlock("typst", text)
end

local function wrapped(name, blocks)
  local all = pandoc.Blocks({ typst_block("#" .. name .. "[") })
  all:extend(blocks)
  all:insert(typst_block("]"))
  return all
end

--- Rows that begin a group, those with a first cell where others have none, get a rule above them; if `grouped`, all.
local function rule_groups(rows, grouped)
  local begins = function(row)
    return pandoc.utils.stringify(row.cells[1].contents) ~= ""
  end
  for _, row in ipairs(rows) do
    grouped = grouped or not begins(row)
  end
  for position, row in ipairs(rows) do
    if grouped and position > 1 and begins(row) then
      row.attr = pandoc.Attr("", { "group" })
      for _, cell in ipairs(typst and row.cells or {}) do
        cell.attr = pandoc.Attr("", {}, { ["typst:stroke"] = "(top: 0.4pt + rule)" })
      end
    end
  end
end

--- The classes of a table with an identifier, as text; nil without. Quarto takes them out of the caption later.
local function classes_of(element)
  if element.identifier ~= "" then
    return table.concat(element.classes, " ")
  end
  return pandoc.utils.stringify(element.caption.long):match("{#tbl%-[%w%-]+(.-)}%s*$")
end

local function tabular(element)
  local classes = classes_of(element)
  if not classes then
    return nil
  end
  local bodies, rows = element.bodies, pandoc.List({})
  for _, body in ipairs(bodies) do
    rows:extend(body.body)
  end
  rule_groups(rows, classes:find("ruled") ~= nil)
  element.bodies = bodies
  if classes:find("natural") then
    local columns = element.colspecs
    for _, column in ipairs(columns) do
      column[2] = nil -- no width of its own: as wide as the content
    end
    element.colspecs = columns
  end
  element.classes = {}
  if typst then
    return wrapped(#rows > MOST_ROWS_WHOLE and "long-table" or "whole-table", { element }), false
  end
  return element, false
end

--- In the PDF, the contents follow what stands before the first numbered section.
local function place_contents(document)
  for position, block in ipairs(document.blocks) do
    if typst and block.t == "Header" and block.level == 1 and not block.classes:includes("unnumbered") then
      document.blocks:insert(position, typst_block("#contents"))
      return document
    end
  end
end

return {
  {
    traverse = "topdown",
    Div = function(element)
      if typst and element.classes:includes("origins") then
        return wrapped("origins", element.content), false
      end
    end,
    Table = tabular,
  },
  { Pandoc = place_contents },
}
