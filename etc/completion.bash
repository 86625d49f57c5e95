# Completion in bash for mprelay(8), statesys(8) and smx(1). It asks the programs themselves: what --help says can be
# completed, so that it is never older than they are.

# The options of a help, one a line, each with what may follow: words to choose from, or what the help calls it.
_mprelay_options() {
    awk '
        function tell() {
            if (match(text, /One of [^.]*\./)) {
                value = substr(text, RSTART + 7, RLENGTH - 8)
                gsub(/, /, "|", value)
                gsub(/:TEXT/, ":", value)
            }
            if (name != "")
                print name, value
        }
        /^(Usage:|      ) / {
            for (i = 1; i <= NF; i++)
                if (match($i, /--[a-z-]+/))
                    print substr($i, RSTART, RLENGTH)
        }
        /^ *(-[a-z], )? *--[a-z]/ {
            tell()
            name = value = text = ""
            while (match($0, /--[a-z][a-z0-9-]*/)) {
                if (name != "")
                    print name
                name = substr($0, RSTART, RLENGTH)
                $0 = substr($0, RSTART + RLENGTH)
                if ($0 !~ /^, --/)
                    break
            }
            if (match($0, /^ ([A-Z]+|[a-z]+([|][a-z]+)+)/))
                value = substr($0, 2, RLENGTH - 1)
            next
        }
        { text = text " " $0; gsub(/  +/, " ", text) }
        END { tell() }' <<<"$1"
}

# _mprelay_files WORD [-d]
_mprelay_files() {
    compopt -o filenames 2>/dev/null
    mapfile -t COMPREPLY < <(compgen "${2:--f}" -- "$1")
}

# _mprelay_words WORD LIST
_mprelay_words() { mapfile -t COMPREPLY < <(compgen -W "$2" -- "$1"); }

# The value of an option: done, or 1 where it takes none.
# _mprelay_value WORD OPTION OPTIONS
_mprelay_value() {
    local name value
    while read -r name value; do
        [[ $name == "$2" && -n $value ]] || continue
        case $value in
        *'|'*) _mprelay_words "$1" "${value//|/ }" ;;
        FILE | KEY) _mprelay_files "$1" ;;
        DIR | DIRECTORY) _mprelay_files "$1" -d ;;
        TEXT) [[ $name == *-dir || $name == --root || $name == *box ]] && _mprelay_files "$1" -d ;;
        esac
        return 0
    done <<<"$3"
    return 1
}

# The word at the cursor as $word, that before it as $before; "--name=value" is three words to bash.
_mprelay_look() {
    word=${COMP_WORDS[COMP_CWORD]}
    before=${COMP_WORDS[COMP_CWORD - 1]}
    COMPREPLY=()
    if [[ $word == = ]]; then
        word=
    elif [[ $before == = ]]; then
        before=${COMP_WORDS[COMP_CWORD - 2]}
    fi
}

# For mprelay and statesys.
_mprelay() {
    local word before options
    _mprelay_look
    options=$(_mprelay_options "$("$1" --help 2>/dev/null)")
    _mprelay_value "$word" "$before" "$options" || _mprelay_words "$word" "$(cut -d ' ' -f 1 <<<"$options")"
}

# The lines of a help that are about the verb, and what stands in small letters behind it.
_smx_help() { sed -E '/^(Usage:|      ) smx /!b; / smx '"$2"'( |$)/!d' <<<"$1"; }
_smx_parts() {
    sed -nE "s/^(Usage:|      ) smx $2 ([a-z]+)( .*)?$/\\2/p; s/^Usage: smx $2 ([a-z]+) [|] ([a-z]+) .*/\\2/p" <<<"$1"
}

_smx() {
    local word before help options parts
    _mprelay_look
    if [[ $COMP_CWORD -eq 1 ]]; then
        _mprelay_words "$word" "$("$1" --help 2>/dev/null | sed -n 's/^  smx \([a-z]*\) .*/\1/p') --help --version"
        return
    fi
    [[ ${COMP_WORDS[1]} =~ ^[a-z]+$ ]] || return 0
    help=$(_smx_help "$("$1" "${COMP_WORDS[1]}" --help 2>/dev/null)" "${COMP_WORDS[1]}")
    [[ -n $help ]] || return 0
    options=$(_mprelay_options "$help")
    parts=$(_smx_parts "$help" "${COMP_WORDS[1]}")
    if _mprelay_value "$word" "$before" "$options"; then
        return
    elif [[ $word == -* ]]; then
        _mprelay_words "$word" "$(cut -d ' ' -f 1 <<<"$options") --help"
    elif [[ -n $parts && $COMP_CWORD -eq 2 ]]; then
        _mprelay_words "$word" "$parts"
    else
        _mprelay_files "$word"
    fi
}

complete -F _mprelay mprelay statesys
complete -F _smx smx
