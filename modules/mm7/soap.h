/* SPDX-License-Identifier: Apache-2.0
 *
 * soap.h - SOAP 1.1 as strangers send it: alone, or with what is attached.
 *
 * A document with a DOCTYPE is refused before anything of it is read, so there
 * are no entities but those of XML itself, and nothing is ever fetched.
 * Elements are known by their local names: namespaces differ by release, and
 * not everybody has the right one.
 */
#ifndef IMPEL_MM7_SOAP_H
#define IMPEL_MM7_SOAP_H

#include <stdbool.h>
#include <stddef.h>

#include <libxml/tree.h>

#include <impel/module.h>

#include "mime.h"
#include "parts.h"

enum { SOAP_MOST = 1 << 24, SOAP_PARTS = 64, SOAP_URI = 256 };

/* A body of HTTP. */
struct soap_body {
    struct impel_str xml; /* the part that is XML, or all of it */
    size_t count;         /* of the parts beside it */
    struct part part[SOAP_PARTS];
    char boundary[MIME_BOUNDARY_MOST + 1]; /* of all of them; "": none */
};
/* type: the value of Content-Type, or absent.  All is lent by body.  NULL; or
 * why there is no XML, a constant text. */
const char *soap_split(
    struct impel_str type, struct impel_str body, struct soap_body *to);
/* The part that an href names ("cid:..."); NULL: there is none. */
const struct part *soap_find(const struct soap_body *b, const char *href);

/* NULL: no XML, or XML with a DOCTYPE.  xmlFreeDoc(). */
xmlDocPtr soap_document(struct impel_str xml);
/* The element within Body; NULL: it is no SOAP, and *why says more.
 * transaction: the header's TransactionID, "" if there is none. */
const xmlNode *soap_open(
    xmlDocPtr doc, char *transaction, size_t size, const char **why);
bool soap_is(const xmlNode *n, const char *name);
/* The first child of that name; name NULL: the first element.  of may be
 * NULL. */
const xmlNode *soap_child(const xmlNode *of, const char *name);
/* The next element behind it. */
const xmlNode *soap_next(const xmlNode *n);
/* Its text on one line, as much as fits; no character is cut.  n may be
 * NULL. */
void soap_text(const xmlNode *n, char *to, size_t size);
/* The same of an attribute. */
void soap_attribute(const xmlNode *n, const char *name, char *to, size_t size);

#endif
