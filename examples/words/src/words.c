/* Standard input -> its words, in lower case, one a line. */
#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>

int main(void)
{
    bool in_word = false;
    for (int c = getchar(); c != EOF; c = getchar()) {
        bool is_letter = isalpha(c) || (in_word && c == '\'');
        if (is_letter)
            putchar(tolower(c));
        else if (in_word)
            putchar('\n');
        in_word = is_letter;
    }
    if (in_word)
        putchar('\n');
    return ferror(stdin) || fflush(stdout) ? 1 : 0;
}
