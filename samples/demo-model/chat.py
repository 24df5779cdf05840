"""The model's chat template and the function that renders it."""

import json

import jinja2

TEMPLATE = """\
{%- if messages[0].role == 'system' %}
    {%- set system = messages[0].content %}
    {%- set rest = messages[1:] %}
{%- else %}
    {%- set system = '' %}
    {%- set rest = messages %}
{%- endif %}
{%- if system or tools %}
    {{- '<|im_start|>system\\n' + system }}
    {%- if tools %}
        {{- '\\n\\n# Tools\\n' }}
        {%- for tool in tools %}
            {%- set function = tool.function %}
            {{- function.name + '(' }}
            {%- if function.parameters and function.parameters.properties %}
                {%- for name, property in function.parameters.properties.items() %}
                    {{- name + ': ' + (property.type if property.type else 'any') }}
                    {%- if not loop.last %}
                        {{- ', ' }}
                    {%- endif %}
                {%- endfor %}
            {%- endif %}
            {{- ')' }}
            {%- if function.description %}
                {{- ' ' + function.description }}
            {%- endif %}
            {{- '\\n' }}
        {%- endfor %}
        {{- 'Call a tool with <tool_call>{"name": ..., "arguments": {...}}</tool_call>.' }}
    {%- endif %}
    {{- '<|im_end|>\\n' }}
{%- endif %}
{%- for message in rest %}
    {{- '<|im_start|>' + message.role + '\\n' }}
    {%- if message.content %}
        {{- message.content }}
    {%- endif %}
    {%- if message.tool_calls %}
        {%- for call in message.tool_calls %}
            {{- '<tool_call>{"name": "' + call.function.name + '", "arguments": ' }}
            {%- if call.function.arguments is string %}
                {{- call.function.arguments }}
            {%- else %}
                {{- call.function.arguments | tojson }}
            {%- endif %}
            {{- '}</tool_call>' }}
        {%- endfor %}
    {%- endif %}
    {{- '<|im_end|>\\n' }}
{%- endfor %}
{%- if add_generation_prompt %}
    {{- '<|im_start|>assistant\\n' }}
{%- endif %}"""


def renderer():
    """A function of (messages, tools, add_generation_prompt) that gives the prompt as text."""
    environment = jinja2.Environment(trim_blocks=True, lstrip_blocks=True)
    environment.filters["tojson"] = lambda value: json.dumps(value, ensure_ascii=False)
    template = environment.from_string(TEMPLATE)

    def render(messages, tools, generate=False):
        return template.render(messages=messages, tools=tools, add_generation_prompt=generate)

    return render
