#!/usr/bin/env python3
"""Renders the templates of this folder, and a table of expressions, with Jinja as Hugging Face transformers sets it up,
and writes what came out: the tests compare Sluice's own interpreter with it, byte for byte.

    python3 -m venv venv && venv/bin/pip install jinja2 transformers
    venv/bin/python make-fixtures.py ../resources/io/sluice/modelstore/jinja/fixtures.json
"""
import json
import pathlib
import sys
from datetime import datetime

from transformers.utils import chat_template_utils as hf

HERE = pathlib.Path(__file__).parent
NOW = datetime(2026, 3, 7, 14, 5, 9)
TOKENS = {"bos_token": "<s>", "eos_token": "</s>"}

WEATHER = {"type": "function", "function": {
    "name": "get_weather", "description": "Current weather\nof a city",
    "parameters": {"type": "object", "required": ["city"], "properties": {
        "city": {"type": "string", "description": "Name, e.g. \"Zürich\" <or> 'São Paulo' & more"},
        "unit": {"type": "string", "enum": ["celsius", "fahrenheit"], "default": "celsius"},
        "days": {"type": "integer", "default": 3},
        "tags": {"type": "array", "items": {"type": "string"}},
        "limits": {"type": ["number", "string"]}}}}}
ADD = {"type": "function", "function": {
    "name": "add", "description": "", "parameters": {"type": "object", "properties": {
        "a": {"type": "number"}, "map": {"type": "object", "additionalProperties": {"type": "boolean"}}}}}}
CALL = {"id": "call_abc12", "type": "function",
        "function": {"name": "get_weather", "arguments": {"city": "Köln", "days": 2, "x": [1.5, None, True, {}], "e": []}}}
CALL2 = {"id": "call_def34", "type": "function", "function": {"name": "add", "arguments": {"a": 1e-7}}}


def user(text):
    return {"role": "user", "content": text}


def assistant(text):
    return {"role": "assistant", "content": text}


SYSTEM = {"role": "system", "content": "You are terse. "}
CONVERSATIONS = [
    ("one question", [user("Hello!")], {}),
    ("system first", [SYSTEM, user("Hi\nthere")], {}),
    ("many turns", [SYSTEM, user("1"), assistant("one"), user("2"), assistant(" two "), user("3")], {}),
    ("white space", [user("  \n indented\n\n  text \t\n")], {}),
    ("markers typed by the user", [user("<|im_end|>\n<|im_start|>system\n</s><s>[/INST]<end_of_turn>{{ x }}{% y %}")], {}),
    ("unicode", [user("naïve 你好 😀 👩‍👩‍👧 \u200b \u00a0 ß ŉ ǆ"), assistant("مرحبا"), user("¿?")], {}),
    ("empty content", [user(""), assistant(""), user("x")], {}),
    ("no generation prompt", [user("a"), assistant("b")], {"add_generation_prompt": False}),
    ("tools offered", [SYSTEM, user("Weather in Köln?")], {"tools": [WEATHER, ADD]}),
    ("tool called", [user("Weather?"), {"role": "assistant", "content": None, "tool_calls": [CALL]},
                     {"role": "tool", "content": "{\"t\": 21}", "tool_call_id": "call_abc12"}, assistant("21 degrees"),
                     user("Thanks")], {"tools": [WEATHER]}),
    ("two calls", [user("Go"), {"role": "assistant", "content": "Wait", "tool_calls": [CALL, CALL2]},
                   {"role": "tool", "content": "1"}, {"role": "tool", "content": "2"}], {"tools": [WEATHER, ADD]}),
    ("reasoning in the text", [user("q"), assistant("<think>\nhm\n</think>\n\nanswer"), user("again"),
                               assistant("<think>more</think>done")], {}),
    ("reasoning apart", [user("q"), {"role": "assistant", "content": "a", "reasoning_content": "\nwhy\n"}], {}),
    ("thinking off", [user("q")], {"enable_thinking": False}),
    ("content parts", [{"role": "user", "content": [{"type": "text", "text": " part one "}, {"type": "image"},
                                                    {"type": "text", "text": "part two"}]}], {}),
    ("wrong order", [assistant("I begin"), user("no")], {}),
    ("two users in a row", [user("a"), user("b")], {}),
    ("unknown role", [user("a"), {"role": "narrator", "content": "meanwhile"}], {}),
    ("extra variables", [user("a")], {"model_identity": "I am X.", "date_string": "1 May 2020", "custom_tools": [ADD]}),
    ("system in between", [user("a"), assistant("b"), {"role": "system", "content": "now rhyme"}, user("c")], {}),
    ("tool without content", [user("a"), {"role": "tool"}], {}),
]

V = {"n": 7, "z": 0, "f": 2.5, "neg": -3, "s": "Hello World", "e": "", "u": "ünï😀x", "t": True, "no": None,
     "l": [3, 1, 2], "ll": [[1, "a"], [2, "b"]], "d": {"b": 1, "a": "two", "items": 5, "n": None},
     "rows": [{"name": "x", "v": 2, "k": {"q": 1}}, {"name": "Y", "v": 1}, {"name": "z", "v": 3, "ok": True}],
     "ws": " \n a b  c \t", "q": "it's \"x\"", "big": 123456789012, "mix": ["b", "A", "c", "a"], "html": "<a href='x'>&\"</a>"}
EXPRESSIONS = """
1 + 2 * 3 ** 2 ;; 7 // 2 ;; -7 // 2 ;; -7 % 3 ;; 7 / 2 ;; 2 ** -1 ;; 7.5 // 2 ;; -7.5 % 2 ;; 1 / 3 ;; 10 / 5 ;; 1e3 ;; 1.5e-7 ;; 1e16 ;; 123456.0
1e22 * 10 ;; 0.1 + 0.2 ;; -n ;; +n ;; n - neg ;; n * f ;; 'ab' * 3 ;; 3 * 'ab' ;; [1] * 2 ;; [1] + [2, 'x'] ;; 'a' + 'b' ;; 'a' 'b' ;; 1 ~ 'x' ~ none ~ true ~ 1.0
1 < 2 < 3 ;; 1 < 3 < 2 ;; 1 == 1.0 ;; true == 1 ;; 'a' < 'b' ;; [1, 2] < [1, 3] ;; 'a' != 'b' ;; not t ;; not not e ;; t and s ;; z or 'x' ;; z and 1 ;; none or undefined_name
'lo' in s ;; 'xx' not in s ;; 3 in l ;; 'b' in d ;; 5 in d ;; 'x' if t else 'y' ;; 'x' if z ;; ('x' if z) ~ '!' ;; 'a' if z else 'b' if z else 'c'
s[0] ;; s[-1] ;; s[1:4] ;; s[::-1] ;; s[::2] ;; s[-3:] ;; s[:-3] ;; l[0] ;; l[-1] ;; l[1:] ;; l[::-1] ;; l[99] ;; u[3] ;; u[1:4] ;; u | length ;; l[:0] ;; s[5:2] ;; s[10:0:-3]
d.b ;; d['a'] ;; d.missing ;; d['items'] ;; d.get('b') ;; d.get('zz') ;; d.get('zz', 4) ;; d.keys() | list ;; d.values() | list ;; d.n ;; ll[1][1] ;; rows[0].k.q
s | upper ;; s | lower ;; s | title ;; 'hELLO wORLD-foo (bar' | title ;; 'hELLO' | capitalize ;; s | length ;; ws | trim ;; ws.strip() ~ '|' ;; ws.lstrip() ~ '|' ;; ws.rstrip() ~ '|'
s.strip('Hd') ;; s.lstrip('Hel') ;; s.rstrip('dl') ;; s | trim('Hd') ;; s.upper() ;; s.lower() ;; 'ab cd'.title() ;; "they're bill's".title() ;; 'aBC dEF'.capitalize() ;; 'ß'.upper() ;; u.upper()
s.split() ;; s.split('o') ;; s.split('o', 1) ;; ws.split() ;; ws.split(' ') ;; 'a,b,,c'.split(',') ;; 'a,b,c'.rsplit(',', 1) ;; ' a  b c '.split(none, 1) ;; 'x\\ny\\r\\nz\\n'.splitlines()
s.startswith('He') ;; s.endswith('ld') ;; s.startswith(('x', 'H')) ;; s.replace('o', '0') ;; s.replace('o', '0', 1) ;; s | replace('l', 'L') ;; s | replace('l', 'L', 2) ;; s.find('o') ;; s.find('zz') ;; s.count('l') ;; 'ab'.replace('', '-') ;; 'ab'.replace('', '-', 2)
s.rfind('o') ;; '-'.join(['a', 'b']) ;; s.isdigit() ;; '12'.isdigit() ;; 'aB1'.isalnum() ;; 'ab'.isalpha() ;; ' '.isspace() ;; 'AB'.isupper() ;; 'ab'.islower() ;; s.removeprefix('Hello ') ;; s.removesuffix('World') ;; '{} {}'.format(1, 'x') ;; '{a}-{0}'.format('p', a='n') ;; '{{}}'.format()
'%s and %d' % ('a', 3) ;; '%s' % s ;; '%.2f' % f ;; '%5d|' % n ;; '%-5s|' % 'ab' ;; '%05d' % n ;; 'x%%' % () ;; '%r' % s ;; 'a %s' | format('b')
l | first ;; l | last ;; [] | first ;; [] | last ;; l | length ;; l | join(', ') ;; l | join ;; rows | join('-', attribute='name') ;; l | sort ;; l | sort(reverse=true) ;; mix | sort ;; mix | sort(case_sensitive=true) ;; rows | sort(attribute='v') | map(attribute='name') | list
l | reverse | list ;; s | reverse ;; l | min ;; l | max ;; l | sum ;; rows | sum(attribute='v') ;; rows | sum('v', 10) ;; mix | unique | list ;; [1, 1, 2] | unique | list ;; l | list ;; 'abc' | list ;; d | list ;; mix | max ;; [] | max
rows | map(attribute='name') | list ;; rows | map(attribute='k.q') | list ;; rows | map(attribute='ok', default='-') | list ;; mix | map('upper') | list ;; mix | map('replace', 'a', 'b') | list ;; l | select('odd') | list ;; l | reject('odd') | list ;; [0, 1, '', 'a'] | select | list
rows | selectattr('ok') | map(attribute='name') | list ;; rows | rejectattr('ok') | map(attribute='name') | list ;; rows | selectattr('v', 'gt', 1) | map(attribute='name') | list ;; rows | selectattr('name', 'equalto', 'x') | list ;; rows | selectattr('k', 'defined') | list | length
d | dictsort ;; d | items | list ;; {'b': 1, 'a': 2} | dictsort ;; {'b': 1, 'a': 2} | dictsort(by='value', reverse=true) ;; {'B': 1, 'a': 2} | dictsort(true) ;; d.items() | list ;; undefined_name | items | list
'5' | int ;; 'x' | int ;; 'x' | int(3) ;; '3.7' | int ;; 3.9 | int ;; -3.9 | int ;; none | int ;; true | int ;; '0x1f' | int(0) ;; '2.5' | float ;; 'x' | float ;; 'x' | float(1.5) ;; 3 | float ;; 5 | string ~ '' ;; neg | abs ;; -2.5 | abs
3.14159 | round(2) ;; 2.5 | round ;; 3.5 | round ;; 2.1 | round(0, 'ceil') ;; 2.9 | round(method='floor') ;; 1234 | round(-2) ;; 7 | round
undefined_name | default('x') ;; e | default('x') ;; e | default('x', true) ;; none | default('x') ;; none | default('x', boolean=true) ;; d.zz | default ;; d.zz | d('q') ;; undefined_name is defined ;; s is defined ;; undefined_name is undefined
none is none ;; s is none ;; s is string ;; n is string ;; d is mapping ;; l is mapping ;; l is iterable ;; s is iterable ;; n is iterable ;; l is sequence ;; d is sequence ;; s is sequence ;; n is number ;; f is number ;; t is number ;; n is integer ;; f is integer ;; t is integer ;; f is float ;; t is boolean ;; n is boolean
t is true ;; n is true ;; t is false ;; false is false ;; n is odd ;; n is even ;; n is divisibleby 7 ;; n is divisibleby(2) ;; n is eq 7 ;; n is equalto 8 ;; n is ne 7 ;; n is gt 3 ;; n is lt 3 ;; n is ge(7) ;; n is le(6) ;; 3 is in [1, 3] ;; 3 is in l ;; n is not none ;; s is lower ;; 'abc' is lower ;; 'ABC' is upper
undefined_name is iterable ;; undefined_name is string ;; undefined_name == undefined_name ;; none == none ;; n is sameas n ;; t is sameas true ;; n is callable ;; range is callable ;; s is not string ;; not s is string ;; d.b is defined and d.b == 1
d | tojson ;; l | tojson ;; s | tojson ;; q | tojson ;; u | tojson ;; f | tojson ;; big | tojson ;; none | tojson ;; t | tojson ;; rows | tojson ;; d | tojson(indent=2) ;; {'a': [], 'b': {}} | tojson(indent=1) ;; d | tojson(sort_keys=true) ;; u | tojson(ensure_ascii=true) ;; d | tojson(separators=(',', ':')) ;; '</script>' | tojson ;; '\\u0001\\x7f/' | tojson
d ;; l ;; ll ;; (1, 'a') ;; (1,) ;; () ;; [none, true, 1.0, 'x'] ;; q ;; [q] ;; ['it\\'s'] ;; ['a\\nb\\\\'] ;; ['\\u00e9\\u200b\\u00a0'] ;; {'a': {'b': [1]}} ;; 1.0 ;; 100000000000000000.0 ;; -0.0 ;; big
range(3) | list ;; range(1, 4) | list ;; range(5, 0, -2) | list ;; range(0) | list ;; dict(a=1, b='x') ;; dict(d, c=3) ;; namespace(a=1).a ;; namespace({'x': 2}).x ;; html | escape ;; html | e ;; html | safe ;; s | wordcount ;; s | count
'a\\nb\\n\\nc' | indent ;; 'a\\nb' | indent(2, true) ;; 'a\\n\\nb' | indent(1, blank=true) ;; 'a\\nb' | indent('> ') ;; "\\x41\\u00e9\\t\\'" ;; '\\101' ;; 'a\\qb' ;; strftime_now('%Y-%m-%d %H:%M:%S %B %b %A %a %j %I %p %y %%') ;; strftime_now('%-d/%-m') ;; 1_000 ;; 0x1f ;; [1,2,][1] ;; {'a': 1,}.a ;; (1, 2)[1] ;; 5 .real if false else 'ok'
messages ;; d.b.c ;; d.zz.y ;; undefined_name.x ;; undefined_name + 'a' ;; 'a' + 1 ;; 1 + 'a' ;; none + 1 ;; l + 1 ;; n() ;; s.nothing ;; s.nothing() ;; none[0] ;; none.x ;; 1 < 'a' ;; 1 in 5 ;; 1 in 'a' ;; -s ;; l | first.x ;; none | length ;; n | length ;; undefined_name | length ;; undefined_name | tojson ;; [undefined_name] ;; 1 // 0 ;; 1 % 0 ;; 1 / 0
raise_exception('stop: ' ~ n) ;; l.append(4) ;; d.update({}) ;; d.pop('b') ;; s.__class__ ;; ''.__class__.__mro__ ;; range.__globals__ ;; s.format.__self__ ;; d | sort ;; l | tojson(foo=1) ;; s | upper(1) ;; range(1, 2, 0) ;; s[::0] ;; ({})['x'].y ;; d[undefined_name] ;; none is divisibleby 2 ;; 'x' is odd ;; d.items | string | length > 5 and false
""".strip()
BLOCKS = [
    "{% for x in l %}{{ loop.index }}{{ loop.index0 }}{{ loop.revindex }}{{ loop.revindex0 }}{{ loop.first }}{{ loop.last }}{{ loop.length }}{{ x }};{% endfor %}",
    "{% for x in l %}{{ loop.previtem | default('-') }}<{{ x }}>{{ loop.nextitem | default('-') }} {% endfor %}",
    "{% for x in l %}{{ loop.cycle('a', 'b') }}{% endfor %}", "{% for x in [] %}x{% else %}none{% endfor %}",
    "{% for x in l if x > 1 %}{{ loop.index }}/{{ loop.length }}:{{ x }} {% else %}none{% endfor %}",
    "{% for x in l if x > 9 %}{{ x }}{% else %}none{% endfor %}", "{% for k, v in d.items() %}{{ k }}={{ v }},{% endfor %}",
    "{% for k in d %}{{ k }}{% endfor %}", "{% for c in 'a😀b' %}[{{ c }}]{% endfor %}", "{% for a, b in ll %}{{ a }}{{ b }}{% endfor %}",
    "{% for x in undefined_name %}x{% endfor %}|", "{% for x in 5 %}x{% endfor %}", "{% for x in none %}x{% endfor %}",
    "{% for x in l %}{% for y in l %}{{ loop.depth }}{{ x * y }} {% endfor %}{% endfor %}",
    "{% for x in l %}{% if x == 1 %}{% continue %}{% endif %}{{ x }}{% endfor %}", "{% for x in range(10) %}{% if x == 3 %}{% break %}{% endif %}{{ x }}{% endfor %}",
    "{% set x = 1 %}{% for y in l %}{{ x }}{% set x = y %}{{ x }} {% endfor %}{{ x }}", "{% if true %}{% set x = 5 %}{% endif %}{{ x }}",
    "{% set ns = namespace(i=0) %}{% for y in l %}{% set ns.i = ns.i + y %}{% endfor %}{{ ns.i }}", "{% set d.x = 1 %}", "{% set ns = namespace() %}{{ ns.zz }}|{{ ns.zz is defined }}",
    "{% set a, b = 1, 2 %}{{ a }}{{ b }}", "{% set a, b = ll %}{{ a }}{{ b }}", "{% set (a, b) = (1, [2]) %}{{ a }}{{ b }}", "{% set a, b = [1] %}", "{% set x %}a{{ n }}b{% endset %}{{ x }}{{ x is string }}",
    "{% set x | upper | trim %} a{{ n }}b {% endset %}[{{ x }}]", "{% macro m(a, b=2, c='x') %}{{ a }}{{ b }}{{ c }}{% endmacro %}{{ m(1) }}{{ m(1, 3) }}{{ m(1, c='z') }}{{ m(b=5, a=6) }}",
    "{% macro m(a) %}[{{ a }}]{% endmacro %}{{ m() }}", "{% macro m(a) %}{{ a }}{% endmacro %}{{ m(1, 2) }}", "{% macro m(a) %}{{ a }}{% endmacro %}{{ m(z=2) }}", "{% macro m(n) %}{% if n > 0 %}{{ n }}{{ m(n - 1) }}{% endif %}{% endmacro %}{{ m(3) }}",
    "{% set y = 1 %}{% macro m() %}{{ y }}{% endmacro %}{% set y = 2 %}{{ m() }}", "{% macro m() %}{{ n }}{% set n = 1 %}{% endmacro %}{{ m() }}{{ n }}", "{% macro m(a='<') %}{{ caller(a) }}!{% endmacro %}{% call(x) m() %}body {{ x }}{% endcall %}",
    "{% macro m() %}a{% endmacro %}{{ m() | upper }}{{ m() ~ 'b' }}{{ m() == 'a' }}", "{% filter upper | replace('A', 'x') %}abc{{ s }}{% endfilter %}", "{% with a = 1, b = n %}{{ a }}{{ b }}{% endwith %}{{ a }}",
    "a\n{% if true %}\nb\n{% endif %}\nc\n", "a\n  {% if true %}\n  b\n  {% endif %}\nc", "a  {% if true %}  b{% endif %}  c", "  {{ n }}  \n  {{ n }}\n", "a\n   {%- if true -%}   \n b \n  {%- endif -%} \n c",
    "a {{- n -}} b", "a\n\n{#- c -#}\n\nb", "a\n  {# c #}\nb", "x{# c #}\ny", "  {%+ if true %}a{%+ endif %}\nb", "{% if true +%}\na{% endif %}", "\n\n{{ n }}\n\n", "{{ n }}\n", "a\r\nb{% if t %}\r\nc{% endif %}\r\n", "{% raw %}{{ x }}{% endraw %}", "a\n{% raw -%}\n {{ x }} \n{%- endraw %}\nb",
    "{{ {'a': {'b': 1}}['a']['b'] }}", "{{ {'a': {}} }}", "{{ '}}' }}{{ \"%}\" }}", "{{ '{{' }}", "{%if t%}1{%endif%}", "{{n}}{{-n}}", "{% if z %}1{% elif e %}2{% elif n == 7 %}3{% else %}4{% endif %}", "{% if undefined_name %}1{% else %}2{% endif %}", "{% generation %}a{{ n }}{% endgeneration %}",
    "{{ n", "{% if t %}", "{% for x in l %}", "{% endif %}", "{% else %}", "{{ }}", "{{ 1 + }}", "{{ n | nofilter }}", "{{ n is notest }}", "{% unknown %}", "{{ 'abc }}", "{# never closed", "{{ a b }}", "{{ (1 }}", "{{ [1 }}", "{% set %}", "{% for in l %}{% endfor %}", "{% macro %}{% endmacro %}", "{% break %}", "{{ 1 ! 2 }}", "{% if %}{% endif %}", "{{ n | }}", "{{ n. }}", "{% include 'x' %}", "{% extends 'x' %}", "{% import 'x' as y %}",
    "{{ messages }}", "{{ l, n }}", "{{ bos_token }}{{ eos_token }}{{ tools }}{{ documents }}", "{% for x in 1, 2 %}{{ x }}{% endfor %}", "{{ loop is defined }}", "{% for x in l %}{% set z = x %}{% else %}{% endfor %}{{ z }}",
    "{% for x in l %}{{ x }}{% if not loop.last %},{% endif %}{% endfor %}", "{%- for m in messages -%}\n  {{- m.content }}\n{% endfor -%}\n end", "{% do n %}", "{{ 'x' if n is defined else 'y' }}", "{{ d.items() | list | length }}", "{{ (n) | string + 'a' }}", "{{ -n | abs }}", "{{ 2 * n | string }}", "{{ not n == 7 }}", "{{ 'a' ~ n + 1 }}", "{{ s | length > 3 and s | upper == 'HELLO WORLD' }}", "{{ l | map('string') | join('+') }}",
]


def render(template, messages, variables, tokens=TOKENS):
    try:
        compiled = hf._compile_jinja_template(template)
    except Exception:
        return {"unparsable": True}
    compiled.environment.globals["strftime_now"] = lambda f: NOW.strftime(f)
    compiled.globals["strftime_now"] = lambda f: NOW.strftime(f)
    values = {"tools": None, "documents": None, "add_generation_prompt": True, **tokens, **variables}
    try:
        return {"text": compiled.render(messages=messages, **values)}
    except Exception as e:
        raised = type(e).__name__ == "TemplateError"
        return {"refused": True, **({"raised": str(e)} if raised else {})}


def main(out):
    chats = [{"name": name, "messages": messages, "variables": variables} for name, messages, variables in CONVERSATIONS]
    templates = []
    for path in sorted((HERE / "templates").glob("*.jinja")):
        text = path.read_text()
        templates.append({"name": path.stem, "template": text,
                          "results": [render(text, m, v) for _, m, v in CONVERSATIONS]})
    snippets = []
    for line in EXPRESSIONS.splitlines():
        for expression in line.split(" ;; "):
            template = "{{ " + expression + " }}"
            snippets.append({"template": template, **render(template, [user("hi")], V)})
    for template in BLOCKS:
        snippets.append({"template": template, **render(template, [user("hi")], V)})
    pathlib.Path(out).write_text(json.dumps(
        {"now": NOW.isoformat(), "tokens": TOKENS, "chats": chats, "templates": templates, "variables": V,
         "snippet_messages": [user("hi")], "snippets": snippets}, ensure_ascii=False, indent=0) + "\n")
    print(len(templates), "templates,", len(chats), "conversations,", len(snippets), "snippets")


if __name__ == "__main__":
    main(sys.argv[1])
