"""Pages of the site that are made from files outside of ``docs/``, with their links pointed at the site."""

import re
from pathlib import Path

from mkdocs.structure.files import File

ROOT = Path(__file__).parents[2]
PAGES = {'index.md': 'README.md', 'changelog.md': 'CHANGELOG.md', 'contributing.md': 'CONTRIBUTING.md'}
METHODS = ('own_data', 'gated_crf', 'single_stage', 'importance_sampling', 'pmp', 'lpg')


def on_files(files, config):
    """Add the pages before the navigation is made."""
    for page, source in PAGES.items():
        files.append(File.generated(config, page, content=_on_site((ROOT / source).read_text(), config)))
    recipes = [_on_site((ROOT / 'configs' / name / 'README.md').read_text(), config, name) for name in METHODS]
    files.append(File.generated(config, 'recipes.md', content='\n\n'.join(['# Recipes', *recipes])))
    return files


def on_page_markdown(markdown, page, config, files):
    """Point links of hand-written pages at files of the repository to its address."""
    outside = '../' * (page.file.src_uri.count('/') + 1)
    return re.sub(rf'\]\({re.escape(outside)}(?!\.)([^)]+)\)', rf']({config.repo_url}/blob/main/\1)', markdown)


def _on_site(text, config, method=None):
    """Turn links to pages of the site into relative ones, and the other relative links into addresses."""

    def link(match):
        target = match[1]
        if '://' in target or target.startswith('#'):
            return match[0]
        path = f'configs/{method}/{target}' if method else target
        while '/../' in path:
            path = re.sub(r'[^/]+/\.\./', '', path, count=1)
        if path.startswith('docs/') and path.partition('#')[0].endswith(('.md', '.png')):
            return f']({path.removeprefix("docs/")})'
        return f']({config.repo_url}/blob/main/{path})'

    text = re.sub(r'\]\(([^)\s]+)\)', link, text)
    return re.sub(r'^#', '##', text, flags=re.MULTILINE) if method else text
