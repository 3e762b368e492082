#include "csupport.h"

#include <string.h>

static _Thread_local char message_of_thread[1024];

void fpnas_priv_error_set(const char *message) {
    size_t length = message ? strlen(message) : 0;
    const size_t room = sizeof message_of_thread - 1;
    if (length > room) {
        length = room;
        while (length > 0 && ((unsigned char)message[length] & 0xC0) == 0x80) length--;
    }
    if (length > 0) memcpy(message_of_thread, message, length);
    message_of_thread[length] = '\0';
}

const char *fpnas_priv_error_get(void) { return message_of_thread; }
