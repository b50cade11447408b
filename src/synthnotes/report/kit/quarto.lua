-- What Quarto adds to pandoc's markdown, for the subset that this report keeps to: numbered captions, references
-- (@fig-, @tbl-, @sec-, @eq-), callouts, page breaks and conditional content. Quarto itself does not run this file;
-- it renders the same source by its own means, so everything here follows its wording ("Table 3", "Figure 1:").
--
-- Whatever cannot be resolved is logged as a warning, and the caller runs pandoc with --fail-if-warnings.

local KINDS = { fig = "Figure", tbl = "Table", sec = "Section", eq = "Equation" }
local CALLOUTS = { note = "Note", tip = "Tip", warning = "Warning", important = "Important", caution = "Caution" }

local LONGEST_WHOLE_TABLE = { rows = 24, characters = 2500 } -- a longer table may continue on the next page
local MOST_ROWS_IN_PLACE = 5 -- a shorter table stays where it is, a longer one floats

local typst = FORMAT:match("typst") ~= nil
local numbers = {} -- identifier -> "3" or "4.2"
local counts = { fig = 0, tbl = 0, eq = 0 }
local sections = {} -- counter of every heading level

--- The kind of a reference's identifier ("tbl" for "tbl-fidelity"), or nil for a bibliography key.
local function kind_of(identifier)
  local prefix = identifier:match("^(%a+)%-")
  return KINDS[prefix] and prefix or nil
end

local function raw(text)
  return pandoc.RawBlock(typst and "typst" or "html", text)
end

--- Gives `identifier` the next number of its kind.
local function number(kind, identifier)
  if numbers[identifier] then
    pandoc.log.warn("Duplicate identifier #" .. identifier)
  end
  counts[kind] = counts[kind] + 1
  numbers[identifier] = tostring(counts[kind])
end

--- Writes "Table 3: " before a caption, and complains about an empty one.
local function label_caption(element, kind)
  local identifier = element.identifier
  local blocks = element.caption.long
  if #blocks == 0 or pandoc.utils.stringify(blocks) == "" then
    pandoc.log.warn("Empty caption of #" .. identifier)
    return element
  end
  local label = pandoc.Strong({ pandoc.Str(KINDS[kind]), pandoc.Str("\u{a0}"), pandoc.Str(numbers[identifier] .. ":") })
  blocks[1].content:insert(1, pandoc.Space())
  blocks[1].content:insert(1, label)
  element.caption = { long = blocks }
  return element
end

-- First pass, in document order ----------------------------------------------------------------------------------

local function conditional(element)
  local visible, hidden = element.classes:includes("content-visible"), element.classes:includes("content-hidden")
  if not (visible or hidden) then
    return nil
  end
  local here = function(format)
    return format == (typst and "typst" or "html")
  end
  local applies = true
  if element.attributes["when-format"] then
    applies = here(element.attributes["when-format"])
  elseif element.attributes["unless-format"] then
    applies = not here(element.attributes["unless-format"])
  end
  return applies == visible and element.content or {}
end

local function heading(element)
  if element.classes:includes("unnumbered") then
    return nil
  end
  sections[element.level] = (sections[element.level] or 0) + 1
  for deeper = element.level + 1, 6 do
    sections[deeper] = 0
  end
  numbers[element.identifier] = table.concat(sections, ".", 1, element.level)
end

local function figure(element)
  if kind_of(element.identifier) ~= "fig" then
    pandoc.log.warn("Figure without a #fig- identifier: " .. pandoc.utils.stringify(element.caption.long))
    return nil
  end
  number("fig", element.identifier)
  element = element:walk({
    Image = function(image)
      local alternative = image.attributes["fig-alt"]
      image.attributes["fig-alt"] = nil
      if alternative == nil then
        pandoc.log.warn("Figure without alternative text: #" .. element.identifier)
      else
        image.caption = { pandoc.Str(alternative) }
        image.attributes["alt"] = typst and alternative or nil
      end
      return image
    end,
  })
  return label_caption(element, "fig")
end

--- The caption stays in view while a wide table scrolls under it.
local function html_table(element, grouped)
  local identifier = element.identifier
  local caption = pandoc.Div(element.caption.long, pandoc.Attr(identifier .. "-caption", { "table-caption" }))
  element.caption, element.identifier = { long = {} }, ""
  local attributes = { -- a list: the order of a table's keys would differ from build to build
    { "role", "region" },
    { "tabindex", "0" },
    { "aria-labelledby", identifier .. "-caption" },
    { "style", "--columns: " .. #element.colspecs },
  }
  local scroll = pandoc.Div({ element }, pandoc.Attr("", { "table-scroll" }, attributes))
  return pandoc.Div({ caption, scroll }, pandoc.Attr(identifier, grouped and { "table", "grouped" } or { "table" }))
end

--- Rows that begin a group, those with a first cell where others have none, get a rule above them. Tells whether there
--- are groups.
local function rule_groups(element)
  local bodies, rows, grouped = element.bodies, pandoc.List({}), element.classes:includes("ruled")
  for _, body in ipairs(bodies) do
    rows:extend(body.body)
  end
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
  element.bodies = bodies
  return grouped
end

local function tabular(element)
  if element.identifier == "" then
    return nil
  end
  number("tbl", element.identifier)
  local grouped = rule_groups(element)
  if element.classes:includes("natural") then
    local columns = element.colspecs
    for _, column in ipairs(columns) do
      column[2] = nil -- no width of its own: as wide as the content
    end
    element.colspecs = columns
  end
  element = label_caption(element, "tbl")
  if not typst then
    return html_table(element, grouped)
  end
  local rows = 0
  for _, body in ipairs(element.bodies) do
    rows = rows + #body.body
  end
  local characters = utf8.len(pandoc.utils.stringify(element))
  local long = rows > LONGEST_WHOLE_TABLE.rows or characters > LONGEST_WHOLE_TABLE.characters
  local here = rows <= MOST_ROWS_IN_PLACE or element.classes:includes("here")
  local how = long and "long" or here and "whole" or "floating"
  return { raw("#" .. how .. "-table["), element, raw("]") }
end

--- `$$ … $$ {#eq-x}` becomes a display with its number at the margin.
local function paragraph(element)
  local content = element.content
  local text = pandoc.utils.stringify(element)
  if text:match("^{{<%s*pagebreak%s*>}}$") then
    return raw(typst and "#pagebreak(weak: true)" or '<div class="page-break"></div>')
  end
  local last = content[#content]
  local identifier = last and last.t == "Str" and last.text:match("^{#(eq%-[%w%-]+)}$")
  if not (identifier and content[1].t == "Math") then
    return nil
  end
  number("eq", identifier)
  local shown = "(" .. numbers[identifier] .. ")"
  if typst then
    return { raw('#equation("' .. shown .. '")['), pandoc.Para({ content[1] }), raw("] <" .. identifier .. ">") }
  end
  local right = pandoc.Span({ pandoc.Str(shown) }, { class = "equation-number" })
  return pandoc.Div({ pandoc.Plain({ content[1], right }) }, pandoc.Attr(identifier, { "equation" }))
end

local function callout(element)
  for name, default in pairs(CALLOUTS) do
    if element.classes:includes("callout-" .. name) then
      local title = element.attributes["title"] or default
      if typst then
        local blocks = pandoc.Blocks({ raw('#callout("' .. name .. '")['), pandoc.Para({ pandoc.Strong({ pandoc.Str(title) }) }) })
        blocks:extend(element.content)
        blocks:insert(raw("]"))
        return blocks
      end
      element.content:insert(1, pandoc.Para({ pandoc.Span({ pandoc.Str(title) }, { class = "callout-title" }) }))
      element.classes = { "callout", "callout-" .. name }
      element.attributes["title"] = nil
      element.attributes["role"] = "note"
      return element
    end
  end
end

--- The list of origins is set in a type of its own; elsewhere its class tells the style sheet.
local function origins(element)
  if typst and element.classes:includes("origins") then
    local blocks = pandoc.Blocks({ raw("#origins[") })
    blocks:extend(element.content)
    blocks:insert(raw("]"))
    return blocks
  end
end

--- In the PDF, the contents follow what stands before the first numbered section.
local function place_contents(blocks)
  for position, block in ipairs(blocks) do
    if typst and block.t == "Header" and block.level == 1 and not block.classes:includes("unnumbered") then
      blocks:insert(position, raw("#contents"))
      return blocks
    end
  end
  return blocks
end

local collect = {
  traverse = "topdown",
  Div = function(element)
    return conditional(element) or callout(element) or origins(element)
  end,
  Span = conditional,
  Header = heading,
  Figure = function(element)
    return figure(element), false
  end,
  Table = function(element)
    return tabular(element), false
  end,
  Para = paragraph,
}

-- Second pass: references -------------------------------------------------------------------------------------------

local function reference(element)
  local inlines = pandoc.Inlines({})
  for position, citation in ipairs(element.citations) do
    local kind = kind_of(citation.id)
    if not kind then
      return nil -- a bibliography key: citeproc's
    end
    if not numbers[citation.id] then
      pandoc.log.warn("Unresolved reference @" .. citation.id)
    end
    local shown = numbers[citation.id] or "?"
    if citation.mode ~= "SuppressAuthor" then
      shown = KINDS[kind] .. "\u{a0}" .. shown
    end
    if position > 1 then
      inlines:extend({ pandoc.Str(","), pandoc.Space() })
    end
    inlines:insert(pandoc.Link({ pandoc.Str(shown) }, "#" .. citation.id, "", { class = "reference" }))
  end
  return inlines
end

-- The abstract stands in the metadata, and refers like the text.
return {
  {
    Pandoc = function(document)
      document.blocks = place_contents(document.blocks:walk(collect))
      return document:walk({ Cite = reference })
    end,
  },
}
