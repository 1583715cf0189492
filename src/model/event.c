#include "mlops/model/event.h"

void observer_tell(const struct observer *observer, const struct event *event)
{
    if (observer && observer->tell)
        observer->tell(observer->context, event);
}
