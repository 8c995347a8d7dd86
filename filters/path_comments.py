"""A file's path as a comment in the file's own language, ending in a newline.

DeepSeek-Coder puts a comment with the path at the head of each file of a repository sample; its syntax is not given,
and its README shows `#utils.py` and `# model.py`. A language whose comments are not known here, or that has none
(JSON), gets no comment: a wrong one would be a syntax error in every file. Knows paths and language names, never text.
"""

from typing import Final

_HASH: Final = """
AMPL; Apache Configuration; Augeas; AWK; Berry; BitBake; Boo; Bro; CMake; CoffeeScript; Crystal; Cython;
Debian Control File; Docker; Dockerfile; Elixir; Execline; Fancy; Fish; GAP; GDScript; Gentoo Ebuild; Gentoo Eclass;
Gettext Catalog; Gnuplot; GraphQL; HCL; HTTP; Hy; JAGS; Julia; Kconfig; Lighttpd Configuration File; Makefile;
Meson; MiniScript; Mirah; MooCode; Nginx Configuration File; Nimrod; Ninja; Nit; Nix; Nu; PEG; Perl; Perl 6;
PkgConfig; PowerShell; Praat; Puppet; Python; R; Ragel in Ruby Host; RAML; RConsole; Ren'Py; Robot Framework; Ruby;
S; Sage; Shell; ShExC; Sieve; Singularity; Smithy; SPARQL; Tcl; Tcsh; Terminfo; Treetop; Unity3D Asset; USD; YANG;
Zeek; Zimpl
"""
_SLASHES: Final = """
ActionScript; AGS Script; Alloy; ANTLR; Arduino; AspectJ; Asymptote; BlitzMax; Bluespec; Boogie; C; C#; C++; Ceylon;
Chapel; ChucK; CUDA; Cypher; Dart; DeviceTree; DM; Dylan; eC; F#; F*; Fantom; Felix; Flux; FreeFem; Futhark; GLSL;
Go; Gosu; Gradle; Graphviz DOT; Groovy; GSQL; Haxe; HLSL; IGOR Pro; Io; Java; JavaScript; JavaScript MozPreproc;
JFlex; JSX; Koka; Kotlin; KRL; Less; Limbo; LSL; Metal; Modelica; Monkey; MQL; MuPAD; Objective-C; Objective-C++;
Odin; OMG Interface Definition Language; ooc; Opa; OpenCL; OpenSCAD; Ox; Pascal; PAWN; Pike; Pony; POV-Ray;
Processing; Protocol Buffer; QML; QVTO; ReasonML; RenderScript; Ride; Rust; Sass; Scala; Scilab; SCSS; Solidity;
SourcePawn; SQF; Squirrel; Stan; Stata; Stylus; SuperCollider; Swift; SWIG; SystemVerilog; Thrift; TypeScript; Uno;
UnrealScript; Vala; Verilog; Web IDL; Whiley; X10; XC; Xtend; Zephir; Zig
"""
_DASHES: Final = """
Ada; Agda; AppleScript; C2HS Haskell; Eiffel; Elm; Haskell; Idris; Lean; Lua; MoonScript; NuSMV; PureScript; Self;
SQL; Transact-SQL; VHDL
"""
_SEMICOLON: Final = """
Arc; Assembly; AutoHotkey; AutoIt; BlitzBasic; Clojure; Common Lisp; Csound; DASM16; Emacs Lisp; Fennel; G-Code;
Inno Setup; Jasmin; LFE; LLVM; NASM; NCL; NSIS; Papyrus; PureBasic; Racket; Red; Scheme; SMT; Xtlang
"""
_PERCENT: Final = "Erlang;LilyPond;Logtalk;Turing;MATLAB;Octave;Oz;TeX;BST;Rd"
_MARKUP: Final = """
ASP; ColdFusion CFC; Genshi; HTML; HTML PHP; Vue; XML; XML Lasso; XSLT
"""
_BLOCK: Final = "BC;CSS;Lex;OpenEdge ABL;Linker Script;REXX;SAS;Maxima;VCL;XS"
_PARENS_STAR: Final = "Isabelle;OCaml;Standard ML;Modula-2;UrWeb"

# (before the path, after it)
_OTHERS: Final = {
    "ABAP": ("* ", ""),
    "APL": ("⍝ ", ""),
    "BrightScript": ("' ", ""),
    "COBOLFree": ("*> ", ""),
    "FreeMarker": ("<#-- ", " -->"),
    "Groovy Server Pages": ("<%-- ", " --%>"),
    "HTML Django": ("{# ", " #}"),
    "HTML ERB": ("<%# ", " %>"),
    "Handlebars": ("{{! ", " }}"),
    "J": ("NB. ", ""),
    "JCL": ("//* ", ""),
    "Jade": ("//- ", ""),
    "Java Server Pages": ("<%-- ", " --%>"),
    "K": ("/ ", ""),
    "Mako": ("## ", ""),
    "Mason": ("%# ", ""),
    "Mizar": (":: ", ""),
    "Mosel": ("! ", ""),
    "Propeller Spin": ("' ", ""),
    "Pug": ("//- ", ""),
    "Q": ("/ ", ""),
    "RHTML": ("<%# ", " %>"),
    "Slim": ("/ ", ""),
    "Smarty": ("{* ", " *}"),
    "Twig": ("{# ", " #}"),
    "Velocity": ("## ", ""),
    "WebAssembly": (";; ", ""),
    "XBase": ("* ", ""),
    "COBOL": ("      * ", ""),  # column 7
    "FoxPro": ("* ", ""),
    "Fortran": ("! ", ""),
    "Fortran Fixed Form": ("C ", ""),
    "Factor": ("! ", ""),
    "GAS": ("# ", ""),
    "Groff": ('.\\" ', ""),
    "Inform 6 Template": ("! ", ""),
    "JSONiq": ("(: ", " :)"),
    "M4": ("dnl ", ""),
    "PHP": ("<?php // ", " ?>"),  # a file starts outside of PHP; the newline after ?> is PHP's and prints nothing
    "REALbasic": ("' ", ""),
    "Smali": ("# ", ""),
    "TypoScript": ("# ", ""),
    "VBScript": ("' ", ""),
    "VimL": ('" ', ""),
    "Visual Basic": ("' ", ""),
    "XQuery": ("(: ", " :)"),
}

_STYLES: Final = (
    (_HASH, ("# ", "")),
    (_SLASHES, ("// ", "")),
    (_DASHES, ("-- ", "")),
    (_SEMICOLON, ("; ", "")),
    (_PERCENT, ("% ", "")),
    (_MARKUP, ("<!-- ", " -->")),
    (_BLOCK, ("/* ", " */")),
    (_PARENS_STAR, ("(* ", " *)")),
)
SYNTAX: Final = {name.strip(): style for names, style in _STYLES for name in names.split(";") if name.strip()} | _OTHERS


def path_comment(path: str, language: str | None) -> str:
    """The comment with its newline, or "" where the language has none that could hold this path."""
    if language is None or language not in SYNTAX:
        return ""
    before, after = SYNTAX[language]
    # A path may hold any byte but NUL and "/": a newline in it would end the comment, and so would its closing mark.
    shown = "".join(char if char.isprintable() else "\ufffd" for char in path)
    if after and after.strip() in shown:
        return ""
    return f"{before}{shown}{after}\n"
