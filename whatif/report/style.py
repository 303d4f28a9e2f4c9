"""Define the page's style sheet: two colour schemes, one column or two.

The contrast to the background is at least 3:1 for bars and 4.5:1 for text (WCAG 2.2, 1.4.3 and 1.4.11).
"""

STYLE = """
:root{color-scheme:light dark;--back:#fff;--panel:#f6f8fa;--ink:#1f2328;--soft:#57606a;--line:#d0d7de;
--today:#6e7781;--failed:#cf222e;--history:#1b7c83;--rule:#8250df;--sampled:#0969da;--metrics:#9a6700}
@media(prefers-color-scheme:dark){:root{--back:#0d1117;--panel:#161b22;--ink:#e6edf3;--soft:#9198a1;--line:#30363d;
--today:#8b949e;--failed:#ff7b72;--history:#39c5cf;--rule:#bc8cff;--sampled:#58a6ff;--metrics:#d29922}}
*{box-sizing:border-box}
body{margin:0;overflow-wrap:break-word;background:var(--back);color:var(--ink);font:16px/1.5 system-ui,sans-serif}
header,main{max-width:1080px;margin:0 auto;padding:0 20px}
header{padding-top:28px}
h1{font-size:28px;line-height:1.2;margin:0 0 8px}
h2{font-size:18px;line-height:1.3;margin:0 0 8px}
p{margin:0 0 12px;color:var(--soft);max-width:72ch}
main{display:grid;grid-template-columns:1fr 1fr;gap:20px;padding-bottom:48px}
section{background:var(--panel);border:1px solid var(--line);border-radius:8px;padding:18px 20px;min-width:0}
section.wide{grid-column:1/-1}
.tiles{display:grid;grid-template-columns:repeat(4,1fr);gap:20px;margin:20px 0}
.tiles div{min-width:0;display:flex;flex-direction:column-reverse;justify-content:flex-end;border-top:3px solid var(--sampled);padding-top:8px}
.tiles dt{color:var(--soft);font-size:14px;line-height:1.35}
.tiles dd{margin:0;font-size:26px;font-weight:600;line-height:1.25;font-variant-numeric:tabular-nums}
svg{display:block;width:100%;max-width:440px;height:auto;overflow:visible}
svg text{fill:var(--ink);font:13px system-ui,sans-serif;font-variant-numeric:tabular-nums}
svg .own{font-weight:700}
.today{fill:var(--today)}.failed{fill:var(--failed)}.history{fill:var(--history)}.rule{fill:var(--rule)}.sampled{fill:var(--sampled)}
.metrics{fill:var(--metrics)}
.axis{stroke:var(--line)}.margin{stroke:var(--sampled);stroke-width:4;stroke-linecap:round;opacity:.55}
.estimate{fill:var(--sampled)}.truth{stroke:var(--ink);stroke-width:2}
.legend{display:flex;flex-wrap:wrap;gap:4px 16px;list-style:none;margin:0 0 12px;padding:0;font-size:14px}
.legend li{display:flex;align-items:center;gap:6px}
.key{width:12px;height:12px;border-radius:2px}
.key.failed{background:var(--failed)}.key.history{background:var(--history)}.key.rule{background:var(--rule)}.key.sampled{background:var(--sampled)}
.key.metrics{background:var(--metrics)}
.scroll{overflow-x:auto;margin:0 -4px}
table{border-collapse:collapse;width:100%;font-size:14px;font-variant-numeric:tabular-nums}
th,td{text-align:left;font-weight:400;padding:6px 10px 6px 4px;border-bottom:1px solid var(--line);vertical-align:top}
thead th{color:var(--soft);border-bottom:2px solid var(--line)}
.figure{text-align:right;white-space:nowrap}
thead .figure{white-space:normal}tbody th{overflow-wrap:anywhere;min-width:210px}
code,.code{font:13px/1.4 ui-monospace,monospace;overflow-wrap:anywhere}td.code{min-width:220px}
tr.own th,tr.own td{font-weight:700}
.scroll+p,.scroll+ul,ul+.scroll,ul+p{margin-top:12px}
ul{color:var(--soft);padding-left:20px;margin:0}
@media(max-width:760px){main{grid-template-columns:1fr;padding:0 12px 32px;gap:12px}header{padding:20px 16px 0}
.tiles{grid-template-columns:1fr 1fr;gap:14px}.tiles dd{font-size:22px}section{padding:14px}
th,td{padding-right:14px}tbody th{min-width:130px}}
"""
