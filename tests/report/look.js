// What is wrong with a report to the eye: an object of lists, by fault.
() => {
  const lum = ([r, g, b]) => {
    const f = v => (v /= 255) <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
    return 0.2126 * f(r) + 0.7152 * f(g) + 0.0722 * f(b);
  };
  const contrast = (a, b) => { const [x, y] = [lum(a), lum(b)].sort((p, q) => q - p); return (x + 0.05) / (y + 0.05); };
  const parse = text => {
    const found = text && text.match(/^rgba?\(([^)]+)\)/);
    if (!found) return null;
    const [r, g, b, a] = found[1].split(/[ ,/]+/).map(Number);
    return [r, g, b, a === undefined ? 1 : a];
  };
  const over = (top, under, alpha) => [0, 1, 2].map(i => top[i] * alpha + under[i] * (1 - alpha));
  const visible = element => { const box = element.getBoundingClientRect(); return box.width > 0 && box.height > 0; };
  const behind = element => {  // the background of HTML
    const layers = [];
    for (let e = element; e; e = e.parentElement) {
      const colour = parse(getComputedStyle(e).backgroundColor);
      if (colour && colour[3] > 0) layers.unshift(colour);
      if (colour && colour[3] === 1) break;
    }
    return layers.reduce((under, colour) => over(colour, under, colour[3]), [255, 255, 255]);
  };
  const paint = (style, what) => {
    const colour = parse(style[what]);
    const alpha = colour ? colour[3] * style[what + "Opacity"] * style.opacity : 0;
    return alpha > 0 ? [...colour.slice(0, 3), alpha] : null;
  };
  const meet = (a, b) => Math.max(0, Math.min(a.right, b.right) - Math.max(a.left, b.left))
    * Math.max(0, Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top));
  const short = element => (element.textContent || element.outerHTML).trim().slice(0, 60);
  const found = {
    page: document.documentElement.scrollWidth, window: innerWidth, figures: 0, texts: 0, marks: 0,
    cut: [], faint_text: [], faint_marks: [], unnamed_axes: [], overlaps: [], outside: [],
  };

  for (const box of document.querySelectorAll(".scroll"))
    if (visible(box) && box.scrollWidth > box.clientWidth + 1) found.cut.push([box.scrollWidth, box.clientWidth, short(box)]);

  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement;
    if (!walker.currentNode.data.trim() || element.closest("svg, script, style") || !visible(element)) continue;
    found.texts += 1;
    const back = behind(element);
    const value = contrast(over(parse(getComputedStyle(element).color), back, 1), back);
    if (value < 4.5) found.faint_text.push([value.toFixed(2), short(element)]);
  }

  for (const svg of document.querySelectorAll("figure svg")) {
    if (!visible(svg)) continue;
    found.figures += 1;
    const frame = svg.getBoundingClientRect();
    const page = behind(svg);
    const shapes = [...svg.querySelectorAll("path, use, rect, circle, line")].filter(
      shape => !shape.closest("defs, clipPath") && shape.getBoundingClientRect().width + shape.getBoundingClientRect().height > 0);
    for (const shape of shapes) {
      if (shape.closest(".tick, [id*=band]")) continue;
      const style = getComputedStyle(shape);
      const layers = [paint(style, "fill"), paint(style, "stroke")].filter(Boolean);
      const values = layers.map(colour => contrast(over(colour, page, colour[3]), page));
      // Paper around a name or behind a hollow mark is no mark, and cells of a table of shades have numbers.
      if (!layers.length || values.every(value => value < 1.06) || shape.closest("[id*=heatmap]")) continue;
      found.marks += 1;
      if (Math.max(...values) < 3) found.faint_marks.push([Math.max(...values).toFixed(2), shape.outerHTML.slice(0, 160)]);
    }
    const texts = [...svg.querySelectorAll("text")].filter(visible);
    const boxes = texts.map(text => text.getBoundingClientRect());
    texts.forEach((text, n) => {
      const box = boxes[n], x = (box.left + box.right) / 2, y = (box.top + box.bottom) / 2;
      let back = page;
      for (const shape of shapes) {
        const fill = paint(getComputedStyle(shape), "fill"), where = shape.getBoundingClientRect();
        const first = shape.compareDocumentPosition(text) & Node.DOCUMENT_POSITION_FOLLOWING;
        if (first && fill && where.left <= x && x <= where.right && where.top <= y && y <= where.bottom && where.height > 8)
          back = over(fill, back, fill[3]);
      }
      const fill = paint(getComputedStyle(text), "fill");
      const value = contrast(over(fill, back, fill[3]), back);
      if (value < 4.5) found.faint_text.push([value.toFixed(2), short(text)]);
      if (box.left < frame.left - 2 || box.right > frame.right + 2 || box.top < frame.top - 2 || box.bottom > frame.bottom + 2)
        found.outside.push([short(text), box.left - frame.left, box.right - frame.right]);
      for (let other = 0; other < n; other += 1) {
        const smaller = Math.min(box.width * box.height, boxes[other].width * boxes[other].height);
        if (meet(box, boxes[other]) > 0.15 * smaller) found.overlaps.push([short(texts[other]), short(text)]);
      }
    });
    for (const axis of svg.querySelectorAll("g.axes > g.axis")) {
      const ticks = [...axis.querySelectorAll("g.tick text")].filter(visible);
      const names = [...axis.querySelectorAll("text")].filter(text => !text.closest(".tick") && /[a-z]/i.test(text.textContent));
      if (ticks.length && !names.length) found.unnamed_axes.push(ticks.map(short).join(" "));
    }
  }
  return found;
}
