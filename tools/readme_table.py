"""Write the table of measured recipes in README.md, from the metafiles; ``--check`` only compares."""

import argparse
from pathlib import Path
from statistics import mean

import yaml

from mmseg_wsss.engine.run_facts import SECONDS_PER_BOX, SECONDS_PER_IMAGE

ROOT = Path(__file__).parents[1]
BEGIN, END = '<!-- the table of tools/readme_table.py -->\n', '<!-- end of the table -->\n'
HEAD = '| labels | time | method | own data | measured here | weak | full masks | weak / full | network |\n'
TIMES = {
    **{kind: f'{seconds:g} s per image' for kind, seconds in SECONDS_PER_IMAGE.items()},
    'boxes': f'{SECONDS_PER_IMAGE["tags"]:g} s per image, {SECONDS_PER_BOX:g} s per box',
}


def table():
    """Return the rows of the models whose metadata name their labels and a recipe for own data."""
    models = {}
    for path in sorted((ROOT / 'configs').glob('*/metafile.yml')):
        found = yaml.safe_load(path.read_text(encoding='utf-8'))['Models']
        models |= {Path(model['Config']).stem: model for model in found}
    rows = [row(model, models) for model in models.values() if 'Own Data' in model.get('Metadata', {})]
    return HEAD + '|---' * HEAD.count(' | ') + '|---|\n' + ''.join(sorted(rows))


def row(model, models):
    """Return the row of one model."""
    facts = model['Metadata']
    score = next(iter(model['Results'][0]['Metrics']))
    weak = scores(model, score)
    full = facts.get('Full Masks')  # a score, or the model that has it
    full = scores(models[full], score) if isinstance(full, str) else [full] if full else []
    own = f'[`{facts["Own Data"]}`](configs/own_data/{facts["Own Data"]}.py)'
    config = facts.get('Recipe', model['Config'])
    recipe = f'[`{Path(config).stem}`]({config})'
    cells = [
        facts['Labels'],
        TIMES[facts['Labels']],
        facts.get('Method', model['In Collection']),
        own,
        f'{recipe}, {facts["Data"]}',
        f'{score} **{mean(weak):.1f}**{brackets(weak)}',
        f'{mean(full):.1f}{brackets(full)}' if full else '',
        f'{mean(weak) / mean(full):.0%}' if full else '',
        f'`wsss zoo {Path(model["Config"]).stem}`' if 'Weights' in model else '',
    ]
    return f'| {" | ".join(map(str, cells))} |\n'


def scores(model, score):
    """Return the score of every seed that was run."""
    seeds = model.get('Metadata', {}).get('Seeds')  # a text: mim reads lists of texts only
    return [float(seed) for seed in seeds.split(',')] if seeds else [model['Results'][0]['Metrics'][score]]


def brackets(figures):
    """Return the figures of all seeds in brackets, if there are several."""
    return f' ({", ".join(map(str, figures))})' if len(figures) > 1 else ''


def updated(text):
    """Return the README with the present table."""
    before, rest = text.split(BEGIN)
    return before + BEGIN + table() + END + rest.split(END)[1]


def main():
    """Update the README, or compare it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--check', action='store_true', help='exit with 1 if the README has another table')
    args = parser.parse_args()
    path = ROOT / 'README.md'
    text = path.read_text(encoding='utf-8')
    if args.check:
        raise SystemExit(updated(text) != text)
    path.write_text(updated(text), encoding='utf-8')


if __name__ == '__main__':
    main()
