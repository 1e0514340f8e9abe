/* SPDX-License-Identifier: Apache-2.0
 *
 * soap.c - attachments, the document, its elements.
 */
#include "soap.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include <libxml/parser.h>
#include <libxml/xmlerror.h>

enum { TYPE_MOST = 1024, ID_MOST = 256 };

/* --- attachments --- */

static bool
type_of(struct impel_str value, struct mime_type *to)
{
    char header[TYPE_MOST + 20];
    int n = snprintf(header, sizeof(header), "Content-Type: %.*s\r\n",
        (int)(value.n < TYPE_MOST ? value.n : TYPE_MOST),
        value.p ? value.p : "");

    return value.n <= TYPE_MOST &&
        mime_type_of((struct impel_str){header, (size_t)n}, to);
}

static bool
is_xml(const struct mime_type *t)
{
    return strcmp(t->name, "text/xml") == 0 ||
        strcmp(t->name, "application/xml") == 0 ||
        strcmp(t->name, "application/soap+xml") == 0;
}

/* The first that is XML is the request, wherever it stands: not all who send
 * know of RFC 2387's parameter start. */
static const char *
split_parts(const char *boundary, struct impel_str body, struct soap_body *to)
{
    struct parts parts;
    struct part part;
    struct mime_type type;
    enum parts_step step = PARTS_BROKEN;

    if (!parts_begin(&parts, body, boundary))
        return "a multipart without parts";
    while ((step = parts_next(&parts, &part)) == PARTS_PART) {
        if (!mime_type_of(part.header, &type))
            return "a part whose Content-Type cannot be read";
        if (!to->xml.p && is_xml(&type) && type.encoding == MIME_PLAIN)
            to->xml = part.body;
        else if (to->count == SOAP_PARTS)
            return "too many parts";
        else
            to->part[to->count++] = part;
    }
    if (step == PARTS_BROKEN)
        return "a multipart that breaks off";
    return to->xml.p ? NULL : "a multipart without XML";
}

const char *
soap_split(struct impel_str type, struct impel_str body, struct soap_body *to)
{
    struct mime_type t;

    to->xml = (struct impel_str){NULL, 0};
    to->count = 0;
    to->boundary[0] = '\0';
    if (!body.n || body.n > SOAP_MOST)
        return "nothing, or too much";
    if (type.p && !type_of(type, &t))
        return "a Content-Type that cannot be read";
    if (type.p && strncmp(t.name, "multipart/", 10) == 0) {
        memcpy(to->boundary, t.boundary, sizeof(to->boundary));
        return split_parts(t.boundary, body, to);
    }
    to->xml = body;
    return NULL;
}

const struct part *
soap_find(const struct soap_body *b, const char *href)
{
    char id[ID_MOST];
    size_t n;

    if (strncasecmp(href, "cid:", 4) == 0)
        href += 4;
    for (size_t i = 0; i < b->count; i++) {
        if (!mime_field(b->part[i].header, "Content-ID", id, sizeof(id)))
            continue;
        n = strlen(id);
        if (n > 2 && id[0] == '<' && id[n - 1] == '>' &&
            strlen(href) == n - 2 && memcmp(id + 1, href, n - 2) == 0)
            return &b->part[i];
        if (strcmp(id, href) == 0)
            return &b->part[i];
    }
    return NULL;
}

/* --- the document --- */

static void
refuse_doctype(void *ctx, const xmlChar *name, const xmlChar *external,
    const xmlChar *system)
{
    (void)name;
    (void)external;
    (void)system;
    ((xmlParserCtxtPtr)ctx)->wellFormed = 0;
    xmlStopParser(ctx);
}

xmlDocPtr
soap_document(struct impel_str xml)
{
    xmlParserCtxtPtr c;
    xmlDocPtr doc;

    if (!xml.n || xml.n > SOAP_MOST)
        return NULL;
    c = xmlNewParserCtxt();
    if (!c)
        return NULL;
    c->sax->internalSubset = refuse_doctype;
    doc = xmlCtxtReadMemory(c, xml.p, (int)xml.n, NULL, NULL,
        XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING |
            XML_PARSE_NOCDATA | XML_PARSE_COMPACT);
    if (doc && !c->wellFormed) {
        xmlFreeDoc(doc);
        doc = NULL;
    }
    xmlFreeParserCtxt(c);
    xmlResetLastError(); /* which this thread would keep */
    return doc;
}

const xmlNode *
soap_open(xmlDocPtr doc, char *transaction, size_t size, const char **why)
{
    const xmlNode *root = xmlDocGetRootElement(doc), *what;

    transaction[0] = '\0';
    if (!root || !soap_is(root, "Envelope")) {
        *why = "no SOAP envelope";
        return NULL;
    }
    soap_text(soap_child(soap_child(root, "Header"), "TransactionID"),
        transaction, size);
    what = soap_child(soap_child(root, "Body"), NULL);
    if (!what)
        *why = "a SOAP envelope without a body";
    return what;
}

bool
soap_is(const xmlNode *n, const char *name)
{
    return n->type == XML_ELEMENT_NODE &&
        strcmp((const char *)n->name, name) == 0;
}

const xmlNode *
soap_child(const xmlNode *of, const char *name)
{
    for (const xmlNode *n = of ? of->children : NULL; n; n = n->next)
        if (name ? soap_is(n, name) : n->type == XML_ELEMENT_NODE)
            return n;
    return NULL;
}

const xmlNode *
soap_next(const xmlNode *n)
{
    do
        n = n->next;
    while (n && n->type != XML_ELEMENT_NODE);
    return n;
}

/* --- text --- */

static void
one_line(const xmlChar *p, char *to, size_t size)
{
    size_t used = 0, width;

    for (; p && *p; p += width) {
        width = *p < 0x80 ? 1 : *p < 0xe0 ? 2 : *p < 0xf0 ? 3 : 4;
        if (used + width >= size)
            break;
        if (*p > ' ' && *p != 127)
            memcpy(to + used, p, width);
        else if (used && to[used - 1] != ' ')
            to[used] = ' ';
        else
            continue;
        used += width;
    }
    while (used && to[used - 1] == ' ')
        used--;
    to[used] = '\0';
}

void
soap_text(const xmlNode *n, char *to, size_t size)
{
    xmlChar *all = n ? xmlNodeGetContent((const xmlNode *)n) : NULL;

    one_line(all, to, size);
    xmlFree(all);
}

void
soap_attribute(const xmlNode *n, const char *name, char *to, size_t size)
{
    xmlChar *all = xmlGetNoNsProp((const xmlNode *)n, (const xmlChar *)name);

    one_line(all, to, size);
    xmlFree(all);
}
